package workspace

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// RenewFor is how long a renewed workspace goes on at least.
const RenewFor = 10 * time.Minute

// Renew says that the acting workspace still runs, and gives when it expires
// then: ten minutes from now or, where that is later, as before; zero if it does
// not expire. It leaves no entry and is no change, so a workspace may call it
// often. Errors: unauthenticated with reason "session_revoked", also once it has
// expired: what is over does not come back.
func (s *Workspaces) Renew(ctx context.Context, actor core.Actor) (time.Time, error) {
	var w core.Workspace
	act := guard.Act{Action: guard.WorkspaceRenew, Subject: guard.WorkspaceSubject(actor.ID)}
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) (err error) {
		w, err = self(ctx, tx, actor)
		return err
	})
	if err != nil || w.ExpiresAt.IsZero() || time.Until(w.ExpiresAt) > RenewFor-time.Minute {
		return w.ExpiresAt, err
	}
	return s.renew(ctx, actor)
}

// renew looks once more, since the workspace may have ended meanwhile.
func (s *Workspaces) renew(ctx context.Context, actor core.Actor) (time.Time, error) {
	until := now().Add(RenewFor)
	err := s.store.Update(ctx, func(tx store.Tx) error {
		if _, err := self(ctx, tx, actor); err != nil {
			return err
		}
		return tx.Workspaces().Renew(ctx, actor.ID, until)
	})
	if err != nil {
		return time.Time{}, err
	}
	return until, nil
}

// Leave ends the acting workspace: its keys are worth nothing from then on.
// Errors: unauthenticated with reason "session_revoked".
func (s *Workspaces) Leave(ctx context.Context, actor core.Actor) error {
	act := guard.Act{Action: guard.WorkspaceLeave, Subject: guard.WorkspaceSubject(actor.ID)}
	err := s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if _, err := self(ctx, tx, actor); err != nil {
			return err
		}
		return tx.Workspaces().End(ctx, actor.ID, now())
	})
	if err == nil {
		s.told.forget(actor.ID)
	}
	return err
}
