package workspace

import (
	"context"
	"math"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Get finds one workspace, an ended one too. A launcher finds those that it made
// itself. Errors: not_found.
func (s *Workspaces) Get(ctx context.Context, actor core.Actor, id string) (core.Workspace, error) {
	var out core.Workspace
	if err := checkID(id); err != nil {
		return out, err
	}
	act := guard.Act{Action: guard.WorkspaceGet, Subject: guard.WorkspaceSubject(id)}
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		w, err := owned(ctx, tx, actor, id)
		out = bare(w)
		return err
	})
	return out, err
}

// List gives the owner's workspaces, newest first; a page's key is the id, and a
// limit of 0 or less gives all from there on. A launcher sees those that it made
// itself, whatever the filter says. Those that have expired are in it until they
// are swept.
func (s *Workspaces) List(ctx context.Context, actor core.Actor, f store.WorkspaceFilter, p store.Page) ([]core.Workspace, error) {
	if p.Limit <= 0 {
		p.Limit = math.MaxInt32
	}
	if actor.Kind == core.LauncherActor {
		f.Launcher = actor.ID
	}
	var out []core.Workspace
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.WorkspaceList, Subject: "workspaces"}, func(ctx context.Context, tx store.Tx) error {
		list, err := tx.Workspaces().Page(ctx, actor.Owner, f, p)
		for _, w := range list {
			out = append(out, bare(w))
		}
		return err
	})
	return out, err
}

// Count is the number of the owner's live workspaces.
func (s *Workspaces) Count(ctx context.Context, actor core.Actor) (n int, err error) {
	err = s.guard.Read(ctx, actor, guard.Act{Action: guard.WorkspaceList, Subject: "workspaces"}, func(ctx context.Context, tx store.Tx) error {
		n, err = tx.Workspaces().CountLive(ctx, actor.Owner)
		return err
	})
	return n, err
}

// Update replaces a live workspace's labels. expect is the version that was
// seen; 0 takes whichever there is. Errors: not_found, invalid, conflict with
// reason "stale" where it is at another version.
func (s *Workspaces) Update(ctx context.Context, actor core.Actor, id string, labels map[string]string, expect int64) (core.Workspace, error) {
	if err := core.CheckWorkspaceLabels(labels); err != nil {
		return core.Workspace{}, err
	}
	detail := map[string]string{"labels": core.Selector(labels).String()}
	return s.change(ctx, actor, guard.WorkspaceUpdate, id, detail, expect, func(w *core.Workspace) { w.Labels = labels })
}

// Rotate gives a live workspace new keys; those it had are worth nothing as soon
// as Rotate returns. expect and the errors are those of Update.
func (s *Workspaces) Rotate(ctx context.Context, actor core.Actor, id string, expect int64) (core.Workspace, secret.Secret, secret.Secret, error) {
	var session, gateway secret.Secret
	w, err := s.change(ctx, actor, guard.WorkspaceRotate, id, nil, expect, func(w *core.Workspace) { session, gateway = newKeys(w) })
	if err != nil {
		return core.Workspace{}, secret.Secret{}, secret.Secret{}, err
	}
	s.told.forget(id) // whoever has the new keys is told anew
	return w, session, gateway, nil
}

// change runs fn on a live workspace and stores it.
func (s *Workspaces) change(ctx context.Context, actor core.Actor, action, id string, detail map[string]string, expect int64, fn func(*core.Workspace)) (core.Workspace, error) {
	if err := checkID(id); err != nil {
		return core.Workspace{}, err
	}
	var out core.Workspace
	act := guard.Act{Action: action, Subject: guard.WorkspaceSubject(id), Detail: detail}
	err := s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		w, err := live(ctx, tx, actor, id, expect)
		if err != nil {
			return err
		}
		seen := w.Version
		fn(&w)
		w.Version++
		w.UpdatedAt = now()
		out = bare(w)
		return tx.Workspaces().Update(ctx, w, seen)
	})
	if err != nil {
		return core.Workspace{}, err
	}
	return out, nil
}

// End ends a workspace: its keys are worth nothing from then on. expect is that
// of Update. Errors: not_found, also where it has ended already; conflict with
// reason "stale".
func (s *Workspaces) End(ctx context.Context, actor core.Actor, id string, expect int64) error {
	if err := checkID(id); err != nil {
		return err
	}
	act := guard.Act{Action: guard.WorkspaceEnd, Subject: guard.WorkspaceSubject(id)}
	err := s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		w, err := owned(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if err := core.CheckVersion("workspace "+w.ID, w.Version, expect); err != nil && w.EndedAt.IsZero() {
			return err
		}
		return notLive(id, tx.Workspaces().End(ctx, id, now()))
	})
	if err == nil {
		s.told.forget(id)
	}
	return err
}

// owned finds a workspace of the actor's owner; of a launcher's, one that it
// made. All others are the same not_found.
func owned(ctx context.Context, tx store.Tx, actor core.Actor, id string) (core.Workspace, error) {
	w, err := tx.Workspaces().Get(ctx, id)
	switch {
	case err != nil:
		return core.Workspace{}, unknown(id, err)
	case w.Owner != actor.Owner:
		return core.Workspace{}, unknown(id, core.Errorf(core.NotFound, "it belongs to somebody else"))
	case actor.Kind == core.LauncherActor && w.Launcher != actor.ID:
		return core.Workspace{}, unknown(id, core.Errorf(core.NotFound, "another launcher made it, or the user"))
	}
	return w, nil
}

// live is owned, but wants it live and at the version that was seen.
func live(ctx context.Context, tx store.Tx, actor core.Actor, id string, expect int64) (core.Workspace, error) {
	w, err := owned(ctx, tx, actor, id)
	if err == nil && !w.LiveAt(time.Now()) {
		err = notLive(id, core.Errorf(core.NotFound, "it has ended"))
	}
	if err == nil {
		err = core.CheckVersion("workspace "+w.ID, w.Version, expect)
	}
	return w, err
}

// checkID keeps what is no id out of the audit trail.
func checkID(id string) error {
	rest, ok := strings.CutPrefix(id, "wsp_")
	if ok && rest != "" && len(rest) <= 60 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		return nil
	}
	return unknown(shortened(id), core.Errorf(core.NotFound, "it is no id"))
}

func unknown(id string, err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return core.Errorf(core.NotFound, "there is no workspace %q", id).WithField("workspace").
		WithHint("keyfob workspace list shows those there are").Wrap(err)
}

func notLive(id string, err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return core.Errorf(core.NotFound, "there is no live workspace %q", id).WithField("workspace").
		WithHint("it has ended").Wrap(err)
}
