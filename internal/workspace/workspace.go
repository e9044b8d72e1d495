// Package workspace holds the use cases of workspaces: places where an agent
// runs. It makes their keys, decides what each is to receive, and hands it out.
//
// Entries in the audit trail: "workspace.create", "workspace.end",
// "workspace.report" one each; "workspace.sweep" one if anything was ended;
// "workspace.manifest" an attempt and an outcome for each workspace and version
// of its manifest, with names only; "workspace.lookup" an attempt and an outcome
// each time; lists none.
package workspace

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Workspaces keeps workspaces. It is safe for concurrent use.
type Workspaces struct {
	guard     *guard.Guard
	store     store.Store
	keys      *seal.Keys
	providers provider.Registry

	mu   sync.Mutex       // guards what is below
	told map[string]int64 // the manifest version whose exposure the trail holds, by workspace
}

// New makes a Workspaces; it does no I/O. st is for finding out who asks, before
// there is an actor that the guard could judge.
func New(g *guard.Guard, st store.Store, keys *seal.Keys, r provider.Registry) *Workspaces {
	return &Workspaces{guard: g, store: st, keys: keys, providers: r, told: map[string]int64{}}
}

// Spec is a workspace to make.
type Spec struct {
	Labels       map[string]string
	Namespace    string            // of the accounts it may use; empty: default
	Only, Except []string          // names of secrets; an unknown one is an error
	Providers    map[string]string // provider as clients know it, to the one whose accounts answer
	Gateway      bool              // with a gateway key
	Process      string            // that keeps it: Sweep ends it with the process; empty: none
}

// Create makes a live workspace and gives its session key and gateway key, once:
// only their digests are kept. The gateway key is zero unless asked for. Errors:
// invalid.
func (s *Workspaces) Create(ctx context.Context, actor core.Actor, spec Spec) (core.Workspace, secret.Secret, secret.Secret, error) {
	var none secret.Secret
	if err := s.check(spec); err != nil {
		return core.Workspace{}, none, none, err
	}
	w := spec.record(actor.Owner)
	session, gateway := core.NewToken(core.SessionKeyPrefix), none
	w.SessionDigest = digest(session)
	if spec.Gateway {
		gateway = core.NewToken(core.GatewayKeyPrefix)
		w.GatewayDigest = digest(gateway)
	}
	act := guard.Act{Action: guard.WorkspaceCreate, Subject: guard.WorkspaceSubject(w.ID), Detail: spec.detail()}
	err := s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if err := s.checkNames(ctx, tx, actor.Owner, spec); err != nil {
			return err
		}
		return tx.Workspaces().Create(ctx, w)
	})
	if err != nil {
		return core.Workspace{}, none, none, err
	}
	return bare(w), session, gateway, nil
}

func (spec Spec) record(o core.Owner) core.Workspace {
	w := core.Workspace{
		ID: core.NewID("wsp"), Owner: o, Labels: spec.Labels, Namespace: spec.Namespace,
		Only: spec.Only, Except: spec.Except, Providers: spec.Providers, Gateway: spec.Gateway,
		Process: spec.Process, Version: 1, CreatedAt: now(),
	}
	if w.Namespace == "" {
		w.Namespace = core.DefaultNamespace
	}
	return w
}

func (spec Spec) detail() map[string]string {
	d := map[string]string{"gateway": strconv.FormatBool(spec.Gateway)}
	if len(spec.Labels) > 0 {
		d["labels"] = core.Selector(spec.Labels).String()
	}
	return d
}

func digest(token secret.Secret) []byte { return core.TokenDigest(string(token.Reveal())) }

// bare leaves the digests in the store: nobody else needs them.
func bare(w core.Workspace) core.Workspace {
	w.SessionDigest, w.GatewayDigest = nil, nil
	return w
}

// Session finds the live workspace that a session key belongs to. A key that is
// none, and one whose workspace has ended, are the same error: unauthenticated
// with reason "session_revoked". The key is looked up by its digest, so the time
// it takes tells nothing of the keys there are.
func (s *Workspaces) Session(ctx context.Context, key string) (core.Actor, core.Workspace, error) {
	w, err := s.find(ctx, func(ctx context.Context, ws store.Workspaces) (core.Workspace, error) {
		return ws.BySession(ctx, core.TokenDigest(key))
	})
	if err != nil {
		return core.Actor{}, core.Workspace{}, err
	}
	return core.Actor{Kind: core.WorkspaceActor, ID: w.ID, Owner: w.Owner}, w, nil
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
	if core.CodeOf(err) == core.NotFound {
		return core.Workspace{}, revoked()
	}
	return out, err
}

func revoked() error {
	return core.Errorf(core.Unauthenticated, "the key belongs to no live workspace").WithReason("session_revoked").
		WithHint("the workspace has ended; start a new one")
}

// List gives the owner's live workspaces, oldest first.
func (s *Workspaces) List(ctx context.Context, actor core.Actor) ([]core.Workspace, error) {
	var out []core.Workspace
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.WorkspaceList, Subject: "workspaces"}, func(ctx context.Context, tx store.Tx) error {
		live, err := tx.Workspaces().Live(ctx, actor.Owner)
		for _, w := range live {
			out = append(out, bare(w))
		}
		return err
	})
	return out, err
}

// End ends a workspace: its keys are worth nothing from then on. Errors:
// not_found, also where it has ended already.
func (s *Workspaces) End(ctx context.Context, actor core.Actor, id string) error {
	if !workspaceID().MatchString(id) {
		return notLive(shortened(id), core.Errorf(core.NotFound, "it is no id"))
	}
	act := guard.Act{Action: guard.WorkspaceEnd, Subject: guard.WorkspaceSubject(id)}
	err := s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		w, err := tx.Workspaces().Get(ctx, id)
		if err == nil && w.Owner != actor.Owner {
			err = core.Errorf(core.NotFound, "it belongs to somebody else")
		}
		if err == nil {
			err = tx.Workspaces().End(ctx, id, now())
		}
		return notLive(id, err)
	})
	if err == nil {
		s.forget(id)
	}
	return err
}

var workspaceID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^wsp_[a-z0-9]{1,60}$`)
})

func notLive(id string, err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return core.Errorf(core.NotFound, "there is no live workspace %q", id).WithField("workspace").
		WithHint("it may have ended already").Wrap(err)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Sweep ends the live workspaces of this machine's user whose process is gone
// (alive says of a Spec.Process whether it runs), and gives their number. Those
// that no process keeps stay.
func (s *Workspaces) Sweep(ctx context.Context, alive func(process string) bool) (int, error) {
	actor := core.System("sweep", core.Local)
	act := guard.Act{Action: guard.WorkspaceSweep, Subject: "workspaces"}
	dead, err := s.orphans(ctx, actor, act, alive)
	if err != nil || len(dead) == 0 {
		return 0, err
	}
	var ended []string
	err = s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		for _, id := range dead {
			err := tx.Workspaces().End(ctx, id, now())
			if core.CodeOf(err) == core.NotFound {
				continue // another process swept it meanwhile
			}
			if err != nil {
				return err
			}
			ended = append(ended, id)
		}
		note.Names("ended", ended)
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ended {
		s.forget(id)
	}
	return len(ended), nil
}

// orphans asks the system about processes, so it works on a list and not inside
// a transaction.
func (s *Workspaces) orphans(ctx context.Context, actor core.Actor, act guard.Act, alive func(string) bool) ([]string, error) {
	var live []core.Workspace
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		var err error
		live, err = tx.Workspaces().Live(ctx, actor.Owner)
		return err
	})
	live = slices.DeleteFunc(live, func(w core.Workspace) bool { return w.Process == "" || alive(w.Process) })
	ids := make([]string, 0, len(live))
	for _, w := range live {
		ids = append(ids, w.ID)
	}
	return ids, err
}

func (s *Workspaces) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.told, id)
}

func (s *Workspaces) toldVersion(id string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[id]
}

func (s *Workspaces) tell(id string, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[id] = version
}
