package workspace

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

var sweeping = guard.Act{Action: guard.WorkspaceSweep, Subject: "workspaces"}

// Sweep ends the live workspaces of this machine's user that have expired or
// whose process is gone (alive says of a Spec.Process whether it runs), and
// gives their number. Others that no process keeps stay.
func (s *Workspaces) Sweep(ctx context.Context, alive func(process string) bool) (int, error) {
	actor := core.System("sweep", core.Local)
	dead, err := s.orphans(ctx, actor, alive)
	if err != nil || len(dead) == 0 {
		return 0, err
	}
	return s.sweep(ctx, actor, func(context.Context, store.Tx) ([]core.Workspace, error) { return dead, nil })
}

// orphans asks the system about processes, so it works on a list and not inside
// a transaction.
func (s *Workspaces) orphans(ctx context.Context, actor core.Actor, alive func(string) bool) ([]core.Workspace, error) {
	var list, dead []core.Workspace
	err := s.guard.Read(ctx, actor, sweeping, func(ctx context.Context, tx store.Tx) (err error) {
		list, err = tx.Workspaces().Live(ctx, actor.Owner)
		return err
	})
	for _, w := range list {
		if !w.LiveAt(time.Now()) || w.Process != "" && !alive(w.Process) {
			dead = append(dead, w)
		}
	}
	return dead, err
}

// sweepBatch is how many workspaces one entry of the trail tells the end of.
const sweepBatch = 256

// SweepExpired ends the workspaces of every owner that have expired, and gives
// their number. Each entry in the trail, one on the organisation, names up to
// 256.
func (s *Workspaces) SweepExpired(ctx context.Context) (all int, err error) {
	actor := core.System("sweep", core.Org)
	for {
		some, err := s.anyExpired(ctx, actor)
		if err != nil || !some {
			return all, err
		}
		n, err := s.sweep(ctx, actor, expired)
		all += n
		if err != nil || n < sweepBatch {
			return all, err
		}
	}
}

// anyExpired keeps a sweep that has nothing to do out of the trail and away from
// the write lock.
func (s *Workspaces) anyExpired(ctx context.Context, actor core.Actor) (some bool, err error) {
	err = s.guard.Read(ctx, actor, sweeping, func(ctx context.Context, tx store.Tx) error {
		list, err := tx.Workspaces().Expired(ctx, now(), 1)
		some = len(list) > 0
		return err
	})
	return some, err
}

// expired is asked inside the transaction that ends them, so that none is ended
// that was renewed meanwhile.
func expired(ctx context.Context, tx store.Tx) ([]core.Workspace, error) {
	return tx.Workspaces().Expired(ctx, now(), sweepBatch)
}

func (s *Workspaces) sweep(ctx context.Context, actor core.Actor, pick func(context.Context, store.Tx) ([]core.Workspace, error)) (int, error) {
	var ended []string
	err := s.guard.Do(ctx, actor, sweeping, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		dead, err := pick(ctx, tx)
		if err != nil {
			return err
		}
		ended, err = endAll(ctx, tx, dead)
		note.Names("ended", ended)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ended {
		s.told.forget(id)
	}
	return len(ended), nil
}

// endAll passes over those that another process ended meanwhile.
func endAll(ctx context.Context, tx store.Tx, dead []core.Workspace) (ended []string, err error) {
	for _, w := range dead {
		err := tx.Workspaces().End(ctx, w.ID, now())
		if core.CodeOf(err) == core.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		ended = append(ended, w.ID)
	}
	return ended, nil
}
