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
	theTokens   struct{ store.Tokens }
	theSessions struct{ store.Sessions }
	theProofs   struct{ store.Proofs }
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
	notedTokens struct {
		theTokens
		issues[core.Token]
	}
	notedSessions struct {
		theSessions
		issues[core.BrowserSession]
	}
	notedProofs struct {
		theProofs
		issues[core.Proof]
	}
	notedWorkspaces struct {
		store.Workspaces
		ledger[core.Workspace]
	}
)

func (n noting) Secrets() store.Secrets {
	s := n.Tx.Secrets()
	return notedSecrets{theSecrets{s}, edits[core.SealedSecret]{ledger[core.SealedSecret]{n, secretKind}, s}}
}

func (n noting) Accounts() store.Accounts {
	s := n.Tx.Accounts()
	return notedAccounts{theAccounts{s}, edits[core.SealedAccount]{ledger[core.SealedAccount]{n, accountKind}, s}}
}

func (n noting) MCPServers() store.MCPServers {
	s := n.Tx.MCPServers()
	return notedMCP{theMCP{s}, edits[core.SealedMCPServer]{ledger[core.SealedMCPServer]{n, mcpKind}, s}}
}

func (n noting) Profiles() store.Profiles {
	s := n.Tx.Profiles()
	return notedProfiles{theProfiles{s}, edits[core.Profile]{ledger[core.Profile]{n, profileKind}, s}}
}

func (n noting) Pools() store.Pools {
	return notedPools{n.Tx.Pools(), ledger[core.Pool]{n, poolKind}}
}

func (n noting) Users() store.Users {
	return notedUsers{n.Tx.Users(), ledger[core.User]{n, userKind}}
}

func (n noting) Tokens() store.Tokens {
	s := n.Tx.Tokens()
	return notedTokens{theTokens{s}, issues[core.Token]{ledger[core.Token]{n, tokenKind}, s}}
}

func (n noting) Sessions() store.Sessions {
	s := n.Tx.Sessions()
	return notedSessions{theSessions{s}, issues[core.BrowserSession]{ledger[core.BrowserSession]{n, sessionKind}, s}}
}

func (n noting) Proofs() store.Proofs {
	s := n.Tx.Proofs()
	return notedProofs{theProofs{s}, issues[core.Proof]{ledger[core.Proof]{n, proofKind}, s}}
}

func (n noting) Workspaces() store.Workspaces {
	return notedWorkspaces{n.Tx.Workspaces(), ledger[core.Workspace]{n, workspaceKind}}
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

func (t notedTokens) Delete(ctx context.Context, id string) error {
	return t.ended(ctx, id, func() error { return t.theTokens.Delete(ctx, id) })
}

func (t notedSessions) Delete(ctx context.Context, id string) error {
	return t.ended(ctx, id, func() error { return t.theSessions.Delete(ctx, id) })
}

// Decide replaces a part of the record.
func (t notedProofs) Decide(ctx context.Context, p core.Proof, from core.ProofState) error {
	return t.edited(ctx, p.ID, func() error { return t.theProofs.Decide(ctx, p, from) })
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
