package guard

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// noting is the state that a change sees. Whatever it writes is noted for the
// change's entry, so that no use case can forget it. What legitimately changes
// outside of the trail passes through: health, usage, renewals, when a token was
// used, and proofs.
type noting struct {
	store.Tx
	subject string // of the entry
	notes   *map[string]string
}

func (n noting) Secrets() store.Secrets       { return notedSecrets{n.Tx.Secrets(), n} }
func (n noting) Accounts() store.Accounts     { return notedAccounts{n.Tx.Accounts(), n} }
func (n noting) MCPServers() store.MCPServers { return notedMCP{n.Tx.MCPServers(), n} }
func (n noting) Profiles() store.Profiles     { return notedProfiles{n.Tx.Profiles(), n} }
func (n noting) Pools() store.Pools           { return notedPools{n.Tx.Pools(), n} }
func (n noting) Users() store.Users           { return notedUsers{n.Tx.Users(), n} }
func (n noting) Tokens() store.Tokens         { return notedTokens{n.Tx.Tokens(), n} }
func (n noting) Sessions() store.Sessions     { return notedSessions{n.Tx.Sessions(), n} }
func (n noting) Workspaces() store.Workspaces { return notedWorkspaces{n.Tx.Workspaces(), n} }

// wrote notes a record where the write did not fail.
func (n noting) wrote(err error, r record) error {
	if err == nil {
		noteInto(n.notes)(wroteKey+r.key, r.text(n.subject))
	}
	return err
}

// gone notes the end of a record, and what the change wrote of it before that
// does not count. Version 0 is that of a record which has none.
func (n noting) gone(err error, kind, id string, version int64) error {
	if err != nil {
		return err
	}
	said := "ended"
	if version > 0 {
		said = "r" + strconv.FormatInt(version, 10)
	}
	delete(*n.notes, wroteKey+keyOf(kind, id))
	noteInto(n.notes)(removedKey+keyOf(kind, id), said)
	return nil
}

type notedSecrets struct {
	store.Secrets
	n noting
}

func (t notedSecrets) Create(ctx context.Context, s core.SealedSecret) error {
	return t.n.wrote(t.Secrets.Create(ctx, s), secretRecord(s))
}

func (t notedSecrets) Update(ctx context.Context, s core.SealedSecret, expect int64) error {
	s.Version = expect + 1
	return t.n.wrote(t.Secrets.Update(ctx, s, expect), secretRecord(s))
}

func (t notedSecrets) Delete(ctx context.Context, id string, expect int64) error {
	return t.n.gone(t.Secrets.Delete(ctx, id, expect), kindSecret, id, expect)
}

type notedAccounts struct {
	store.Accounts
	n noting
}

func (t notedAccounts) Create(ctx context.Context, a core.SealedAccount) error {
	return t.n.wrote(t.Accounts.Create(ctx, a), accountRecord(a))
}

func (t notedAccounts) Update(ctx context.Context, a core.SealedAccount, expect int64) error {
	a.Version = expect + 1
	return t.n.wrote(t.Accounts.Update(ctx, a, expect), accountRecord(a))
}

func (t notedAccounts) Delete(ctx context.Context, id string, expect int64) error {
	return t.n.gone(t.Accounts.Delete(ctx, id, expect), kindAccount, id, expect)
}

type notedMCP struct {
	store.MCPServers
	n noting
}

func (t notedMCP) Create(ctx context.Context, m core.SealedMCPServer) error {
	return t.n.wrote(t.MCPServers.Create(ctx, m), mcpRecord(m))
}

func (t notedMCP) Update(ctx context.Context, m core.SealedMCPServer, expect int64) error {
	m.Version = expect + 1
	return t.n.wrote(t.MCPServers.Update(ctx, m, expect), mcpRecord(m))
}

func (t notedMCP) Delete(ctx context.Context, id string, expect int64) error {
	return t.n.gone(t.MCPServers.Delete(ctx, id, expect), kindMCP, id, expect)
}

type notedProfiles struct {
	store.Profiles
	n noting
}

func (t notedProfiles) Create(ctx context.Context, p core.Profile) error {
	return t.n.wrote(t.Profiles.Create(ctx, p), profileRecord(p))
}

func (t notedProfiles) Update(ctx context.Context, p core.Profile, expect int64) error {
	p.Version = expect + 1
	return t.n.wrote(t.Profiles.Update(ctx, p, expect), profileRecord(p))
}

func (t notedProfiles) Delete(ctx context.Context, id string, expect int64) error {
	return t.n.gone(t.Profiles.Delete(ctx, id, expect), kindProfile, id, expect)
}

// Activate writes the profile that becomes the active one, and the one that was.
func (t notedProfiles) Activate(ctx context.Context, o core.Owner, id string) error {
	before, err := t.Profiles.List(ctx, o)
	if err != nil {
		return err
	}
	if err := t.Profiles.Activate(ctx, o, id); err != nil {
		return err
	}
	after, err := t.Profiles.List(ctx, o)
	if err != nil {
		return err
	}
	version := map[string]int64{}
	for _, p := range before {
		version[p.ID] = p.Version
	}
	for _, p := range after {
		if p.Version != version[p.ID] {
			_ = t.n.wrote(nil, profileRecord(p))
		}
	}
	return nil
}

type notedPools struct {
	store.Pools
	n noting
}

func (t notedPools) Put(ctx context.Context, p core.Pool, expect int64) error {
	p.Version = expect + 1
	return t.n.wrote(t.Pools.Put(ctx, p, expect), poolRecord(p))
}
