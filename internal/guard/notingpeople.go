package guard

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type notedUsers struct {
	store.Users
	n noting
}

func (t notedUsers) Create(ctx context.Context, u core.User) error {
	return t.n.wrote(t.Users.Create(ctx, u), userRecord(u))
}

func (t notedUsers) Update(ctx context.Context, u core.User, expect int64) error {
	u.Version = expect + 1
	return t.n.wrote(t.Users.Update(ctx, u, expect), userRecord(u))
}

type notedTokens struct {
	store.Tokens
	n noting
}

func (t notedTokens) Create(ctx context.Context, k core.Token) error {
	return t.n.wrote(t.Tokens.Create(ctx, k), tokenRecord(k))
}

func (t notedTokens) Delete(ctx context.Context, id string) error {
	return t.n.gone(t.Tokens.Delete(ctx, id), kindToken, id, 0)
}

func (t notedTokens) DeleteAll(ctx context.Context, userID string) (int, error) {
	all, err := t.List(ctx, userID)
	if err != nil {
		return 0, err
	}
	count, err := t.Tokens.DeleteAll(ctx, userID)
	for _, k := range all {
		_ = t.n.gone(err, kindToken, k.ID, 0)
	}
	return count, err
}

// notedSessions lets Sweep pass: what has ended by itself is not compared.
type notedSessions struct {
	store.Sessions
	n noting
}

func (t notedSessions) Create(ctx context.Context, s core.BrowserSession) error {
	return t.n.wrote(t.Sessions.Create(ctx, s), sessionRecord(s))
}

func (t notedSessions) Delete(ctx context.Context, id string) error {
	return t.n.gone(t.Sessions.Delete(ctx, id), kindSession, id, 0)
}

func (t notedSessions) DeleteAll(ctx context.Context, userID string) (int, error) {
	all, err := t.List(ctx, userID)
	if err != nil {
		return 0, err
	}
	count, err := t.Sessions.DeleteAll(ctx, userID)
	for _, s := range all {
		_ = t.n.gone(err, kindSession, s.ID, 0)
	}
	return count, err
}

type notedWorkspaces struct {
	store.Workspaces
	n noting
}

func (t notedWorkspaces) Create(ctx context.Context, w core.Workspace) error {
	return t.n.wrote(t.Workspaces.Create(ctx, w), workspaceRecord(w))
}

// Update replaces a part of the record only, so the whole is read again.
func (t notedWorkspaces) Update(ctx context.Context, w core.Workspace, expect int64) error {
	if err := t.Workspaces.Update(ctx, w, expect); err != nil {
		return err
	}
	whole, err := t.Get(ctx, w.ID)
	return t.n.wrote(err, workspaceRecord(whole))
}

func (t notedWorkspaces) End(ctx context.Context, id string, at time.Time) error {
	return t.n.gone(t.Workspaces.End(ctx, id, at), kindWorkspace, id, 0)
}
