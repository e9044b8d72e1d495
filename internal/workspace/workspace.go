// Package workspace holds the use cases of workspaces: places where an agent
// runs. It makes their keys, decides what each is to receive, and hands it out.
// What a workspace receives are secrets of its owner and of the organisation.
//
// Entries in the audit trail: "workspace.create", "workspace.update",
// "workspace.rotate", "workspace.end", "workspace.leave" and "workspace.report"
// one each; "workspace.sweep" one if anything was ended; "workspace.manifest" an
// attempt and an outcome for each workspace and version of its manifest, with
// names only; "workspace.lookup" an attempt and an outcome each time; lists and
// renewals none.
package workspace

import (
	"context"
	"strconv"
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
	told      told
}

// New makes a Workspaces; it does no I/O. st is for finding out who asks, before
// there is an actor that the guard could judge, and for renewals, which are no
// change of a record.
func New(g *guard.Guard, st store.Store, keys *seal.Keys, r provider.Registry) *Workspaces {
	return &Workspaces{guard: g, store: st, keys: keys, providers: r}
}

// Spec is a workspace to make.
type Spec struct {
	Labels       map[string]string // none that begins with core.AutoLabelPrefix
	Namespace    string            // of the accounts it may use; empty: default
	Only, Except []string          // names of secrets; an unknown one is an error
	Providers    map[string]string // provider as clients know it, to the one whose accounts answer
	Gateway      bool              // with a gateway key
	Process      string            // that keeps it: Sweep ends it with the process; empty: none. Of this machine only
	Seconds      int64             // its keys are good so long unless it is renewed, at most a year; 0: until it is ended
}

// maxLive bounds the live workspaces of one owner.
const maxLive = 20_000

// Create makes a live workspace and gives its session key and gateway key, once:
// only their digests are kept. The gateway key is zero unless asked for. What a
// launcher makes is marked as made by it. Errors: invalid; exhausted where the
// owner has 20,000 live ones.
func (s *Workspaces) Create(ctx context.Context, actor core.Actor, spec Spec) (core.Workspace, secret.Secret, secret.Secret, error) {
	var none secret.Secret
	if err := s.check(actor, spec); err != nil {
		return core.Workspace{}, none, none, err
	}
	w := spec.record(actor)
	session, gateway := newKeys(&w)
	act := guard.Act{Action: guard.WorkspaceCreate, Subject: guard.WorkspaceSubject(w.ID), Detail: spec.detail()}
	err := s.make(ctx, actor, act, w, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if err := checkLive(ctx, tx, actor.Owner); err != nil {
			return err
		}
		if err := s.checkNames(ctx, tx, w, spec); err != nil {
			return err
		}
		return tx.Workspaces().Create(ctx, w)
	})
	if err != nil {
		return core.Workspace{}, none, none, err
	}
	return bare(w), session, gateway, nil
}

// make runs fn. A process that keeps its workspace asks for the manifest next, in
// this very process: so the attempt at that is written down with the making.
func (s *Workspaces) make(ctx context.Context, actor core.Actor, act guard.Act, w core.Workspace, fn func(context.Context, store.Tx, guard.Note) error) error {
	if w.Process == "" {
		return s.guard.Do(ctx, actor, act, fn)
	}
	next := acting(w)
	a, err := s.guard.DoAndAttempt(ctx, actor, act, next, manifestOf(next), fn)
	if err == nil {
		s.told.attempted(w.ID, a)
	}
	return err
}

func (spec Spec) record(actor core.Actor) core.Workspace {
	w := core.Workspace{
		ID: core.NewID("wsp"), Owner: actor.Owner, Labels: spec.Labels, Namespace: spec.Namespace,
		Only: spec.Only, Except: spec.Except, Providers: spec.Providers, Gateway: spec.Gateway,
		Process: spec.Process, Version: 1, CreatedAt: now(),
	}
	w.UpdatedAt = w.CreatedAt
	if spec.Seconds > 0 {
		w.ExpiresAt = w.CreatedAt.Add(time.Duration(spec.Seconds) * time.Second)
	}
	if actor.Kind == core.LauncherActor {
		w.Launcher = actor.ID
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
	if spec.Seconds > 0 {
		d["seconds"] = strconv.FormatInt(spec.Seconds, 10)
	}
	return d
}

func checkLive(ctx context.Context, tx store.Tx, o core.Owner) error {
	n, err := tx.Workspaces().CountLive(ctx, o)
	if err == nil && n >= maxLive {
		return core.Errorf(core.Exhausted, "there are %d live workspaces, the most that one owner may have", n).
			WithHint("end some that are not needed any more: keyfob workspace stop ID")
	}
	return err
}

// newKeys gives a workspace new keys, whose digests it keeps. The gateway key is
// zero where it has none.
func newKeys(w *core.Workspace) (session, gateway secret.Secret) {
	session = core.NewToken(core.SessionKeyPrefix)
	w.SessionDigest = digest(session)
	if w.Gateway {
		gateway = core.NewToken(core.GatewayKeyPrefix)
		w.GatewayDigest = digest(gateway)
	}
	return session, gateway
}

func digest(token secret.Secret) []byte { return core.TokenDigest(string(token.Reveal())) }

// bare leaves the digests in the store: nobody else needs them.
func bare(w core.Workspace) core.Workspace {
	w.SessionDigest, w.GatewayDigest = nil, nil
	return w
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
