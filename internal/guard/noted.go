package guard

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Ports one level down, so that of a method that is noted as well the noted one
// is taken.
type (
	theSecrets  struct{ store.Secrets }
	theAccounts struct{ store.Accounts }
	theMCP      struct{ store.MCPServers }
	theProfiles struct{ store.Profiles }
)

type (
	notedSecrets struct {
		theSecrets
		edits[core.SealedSecret]
	}
	notedAccounts struct {
		theAccounts
		edits[core.SealedAccount]
	}
	notedMCP struct {
		theMCP
		edits[core.SealedMCPServer]
	}
	notedProfiles struct {
		theProfiles
		edits[core.Profile]
	}
	notedPools struct {
		store.Pools
		ledger[core.Pool]
	}
	notedUsers struct {
		store.Users
		ledger[core.User]
	}
	notedSessions struct {
		issued[core.BrowserSession]
		all store.Sessions
	}
	notedProofs struct {
		store.Proofs
		ledger[core.Proof]
	}
	notedWorkspaces struct {
		store.Workspaces
		ledger[core.Workspace]
	}
)

func (n noting) Secrets() store.Secrets {
	s := n.Tx.Secrets()
	return notedSecrets{theSecrets{s}, edits[core.SealedSecret]{secretKind.in(n), s}}
}

func (n noting) Accounts() store.Accounts {
	s := n.Tx.Accounts()
	return notedAccounts{theAccounts{s}, edits[core.SealedAccount]{accountKind.in(n), s}}
}

func (n noting) MCPServers() store.MCPServers {
	s := n.Tx.MCPServers()
	return notedMCP{theMCP{s}, edits[core.SealedMCPServer]{mcpKind.in(n), s}}
}

func (n noting) Profiles() store.Profiles {
	s := n.Tx.Profiles()
	return notedProfiles{theProfiles{s}, edits[core.Profile]{profileKind.in(n), s}}
}

func (n noting) Sessions() store.Sessions {
	s := n.Tx.Sessions()
	return notedSessions{issued[core.BrowserSession]{s, sessionKind.in(n)}, s}
}

func (n noting) Tokens() store.Tokens { return issued[core.Token]{n.Tx.Tokens(), tokenKind.in(n)} }
func (n noting) Pools() store.Pools   { return notedPools{n.Tx.Pools(), poolKind.in(n)} }
func (n noting) Users() store.Users   { return notedUsers{n.Tx.Users(), userKind.in(n)} }
func (n noting) Proofs() store.Proofs { return notedProofs{n.Tx.Proofs(), proofKind.in(n)} }
func (n noting) Workspaces() store.Workspaces {
	return notedWorkspaces{n.Tx.Workspaces(), workspaceKind.in(n)}
}

// Activate writes the profile that becomes the active one, and the one that was.
func (t notedProfiles) Activate(ctx context.Context, o core.Owner, id string) error {
	before, err := t.List(ctx, o)
	if err != nil {
		return err
	}
	if err := t.theProfiles.Activate(ctx, o, id); err != nil {
		return err
	}
	after, err := t.List(ctx, o)
	if err != nil {
		return err
	}
	was := map[string]core.Profile{}
	for _, p := range before {
		was[p.ID] = p
	}
	for _, p := range after {
		if old := was[p.ID]; p.Version != old.Version {
			t.n.wrote(t.of(p).summed(), t.of(old).summed().row)
		}
	}
	return nil
}

func (t notedPools) Put(ctx context.Context, p core.Pool, expect int64) error {
	return t.updated(ctx, p, expect+1, func() error { return t.Pools.Put(ctx, p, expect) })
}

func (t notedUsers) Create(ctx context.Context, u core.User) error {
	return t.made(u, t.Users.Create(ctx, u))
}

func (t notedUsers) Update(ctx context.Context, u core.User, expect int64) error {
	return t.updated(ctx, u, expect+1, func() error { return t.Users.Update(ctx, u, expect) })
}

func (t notedSessions) Sweep(ctx context.Context, at time.Time) error { return t.all.Sweep(ctx, at) }

func (t notedProofs) Create(ctx context.Context, p core.Proof) error {
	return t.made(p, t.Proofs.Create(ctx, p))
}

// Decide replaces a part of the record.
func (t notedProofs) Decide(ctx context.Context, p core.Proof, from core.ProofState) error {
	return t.edited(ctx, p.ID, func() error { return t.Proofs.Decide(ctx, p, from) })
}

func (t notedProofs) DeleteAll(ctx context.Context, userID string) (int, error) {
	return t.endedAll(ctx, userID, t.List, t.Proofs.DeleteAll)
}

func (t notedWorkspaces) Create(ctx context.Context, w core.Workspace) error {
	return t.made(w, t.Workspaces.Create(ctx, w))
}

// Update replaces a part of the record.
func (t notedWorkspaces) Update(ctx context.Context, w core.Workspace, expect int64) error {
	return t.edited(ctx, w.ID, func() error { return t.Workspaces.Update(ctx, w, expect) })
}

func (t notedWorkspaces) End(ctx context.Context, id string, at time.Time) error {
	return t.ended(ctx, id, func() error { return t.Workspaces.End(ctx, id, at) })
}
