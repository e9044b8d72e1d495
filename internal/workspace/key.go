package workspace

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Session finds the live workspace that a session key belongs to. A key that is
// none, and one whose workspace has ended or expired, are the same error:
// unauthenticated with reason "session_revoked". The key is looked up by its
// digest, so the time it takes tells nothing of the keys there are.
func (s *Workspaces) Session(ctx context.Context, key string) (core.Actor, core.Workspace, error) {
	w, err := s.find(ctx, func(ctx context.Context, ws store.Workspaces) (core.Workspace, error) {
		return ws.BySession(ctx, core.TokenDigest(key))
	})
	if err != nil {
		return core.Actor{}, core.Workspace{}, err
	}
	return acting(w), w, nil
}

// acting is who shows the workspace's session key.
func acting(w core.Workspace) core.Actor {
	return core.Actor{Kind: core.WorkspaceActor, ID: w.ID, Owner: w.Owner, Via: core.Via{Kind: core.ViaToken}}
}

// GatewayKey finds the live workspace that a gateway key belongs to; the errors
// are those of Session.
func (s *Workspaces) GatewayKey(ctx context.Context, key string) (core.Workspace, error) {
	return s.find(ctx, func(ctx context.Context, ws store.Workspaces) (core.Workspace, error) {
		return ws.ByGateway(ctx, core.TokenDigest(key))
	})
}

func (s *Workspaces) find(ctx context.Context, by func(context.Context, store.Workspaces) (core.Workspace, error)) (core.Workspace, error) {
	var out core.Workspace
	err := s.store.View(ctx, func(tx store.Tx) error {
		w, err := by(ctx, tx.Workspaces())
		out = bare(w)
		return err
	})
	if core.CodeOf(err) == core.NotFound || err == nil && !out.LiveAt(time.Now()) {
		return core.Workspace{}, revoked()
	}
	return out, err
}

func revoked() error {
	return core.Errorf(core.Unauthenticated, "the key belongs to no live workspace").WithReason("session_revoked").
		WithHint("the workspace has ended; start a new one")
}

// self is the acting workspace, if it is live.
func self(ctx context.Context, tx store.Tx, actor core.Actor) (core.Workspace, error) {
	w, err := tx.Workspaces().Get(ctx, actor.ID)
	if core.CodeOf(err) == core.NotFound || err == nil && (!w.LiveAt(time.Now()) || w.Owner != actor.Owner) {
		return core.Workspace{}, revoked()
	}
	return w, err
}
