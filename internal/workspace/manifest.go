package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Manifest is what one workspace is to receive now. Each list is in order of
// target, but Files, which is in order of precedence: where two paths lead to
// one file, the first has it.
type Manifest struct {
	Workspace string
	Version   int64 // differs when anything in it does, values too; from 1 to 2^53-1, in no order
	Env       []EnvDelivery
	Files     []FileDelivery
	Lookups   []LookupDelivery
	Gateways  []Gateway
	Conflicts []TargetConflict
}

// EnvDelivery is one variable.
type EnvDelivery struct {
	Secret string
	Org    bool // the secret is the organisation's
	Name   string
	Value  secret.Secret
}

// FileDelivery is one file; Path begins with "~/" or "/" and is clean. Whoever
// writes one of the organisation's holds the path that it resolves to against
// target.CheckOrg once more.
type FileDelivery struct {
	Secret string
	Org    bool
	Path   string
	Value  secret.Secret
}

// LookupDelivery is one secret that may be fetched by name.
type LookupDelivery struct {
	Secret      string
	Org         bool
	Description string
}

// Gateway is one provider that the gateway answers for.
type Gateway struct {
	Provider string // as clients know it
	Backend  string // whose accounts answer
	Dialect  string
	Path     string   // /p/PROVIDER/NAMESPACE
	KeyVars  []string // variables in which its clients look for a real key
}

// errOther says that the state has moved on since the version was looked at.
var errOther = errors.New("another version")

// Manifest gives the acting workspace everything it is to have, values included.
// Each version is recorded once per workspace and process, before it goes out;
// asking again for a version that is recorded leaves no further entry. Errors:
// unauthenticated with reason "session_revoked", unavailable where the trail
// cannot be written, internal where a value does not open.
func (s *Workspaces) Manifest(ctx context.Context, actor core.Actor) (Manifest, error) {
	act := manifestOf(actor)
	m, err := s.again(ctx, actor, act)
	if !errors.Is(err, errOther) {
		return m, err
	}
	expose := func(fn func(context.Context, store.Tx, guard.Note) error) error {
		if a := s.told.take(actor.ID); !a.IsZero() {
			return s.guard.ExposeAttempted(ctx, a, fn)
		}
		return s.guard.Expose(ctx, actor, act, fn)
	}
	err = expose(func(ctx context.Context, tx store.Tx, note guard.Note) error {
		b, err := s.draft(ctx, tx, actor)
		if err != nil {
			return err
		}
		b.note(note)
		m, err = s.open(ctx, tx, b)
		return err
	})
	if err != nil {
		return Manifest{}, err
	}
	s.told.remember(actor.ID, m.Version)
	return m, nil
}

func manifestOf(actor core.Actor) guard.Act {
	return guard.Act{Action: guard.WorkspaceManifest, Subject: guard.WorkspaceSubject(actor.ID)}
}

// again gives the manifest if this very version is recorded already.
func (s *Workspaces) again(ctx context.Context, actor core.Actor, act guard.Act) (Manifest, error) {
	seen := s.told.version(actor.ID)
	if seen == 0 {
		return Manifest{}, errOther
	}
	var m Manifest
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		b, err := s.draft(ctx, tx, actor)
		if err != nil {
			return err
		}
		if b.m.Version != seen {
			return errOther
		}
		m, err = s.open(ctx, tx, b)
		return err
	})
	if err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// draft is a manifest without its values, and what to fill it from.
type draft struct {
	m      Manifest
	plan   plan
	sealed map[string]core.SealedSecret // by id; of the plan's variables and files at least
}

func (s *Workspaces) draft(ctx context.Context, tx store.Tx, actor core.Actor) (draft, error) {
	w, err := self(ctx, tx, actor)
	if err != nil {
		return draft{}, err
	}
	if w, err = matched(ctx, tx, w); err != nil {
		return draft{}, err
	}
	list, sealed, err := sealedFor(ctx, tx, w)
	if err != nil {
		return draft{}, err
	}
	b := draft{plan: planFor(w, list), sealed: sealed, m: Manifest{Workspace: w.ID}}
	if b.m.Gateways, err = s.gateways(ctx, tx, w); err != nil {
		return draft{}, err
	}
	b.m.Conflicts = b.plan.conflicts
	for _, d := range b.plan.lookups {
		b.m.Lookups = append(b.m.Lookups, LookupDelivery{Secret: d.secret.Name, Org: d.org(), Description: d.secret.Description})
	}
	b.m.Version = b.version()
	return b, nil
}

// gateways is one for each provider whose accounts, or those it is mapped to,
// can answer. w is as selectors see it.
func (s *Workspaces) gateways(ctx context.Context, tx store.Tx, w core.Workspace) ([]Gateway, error) {
	if !w.Gateway {
		return nil, nil
	}
	have, err := enabled(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	var out []Gateway
	for _, id := range s.providers.IDs() {
		backend := id
		if to, mapped := w.Providers[id]; mapped {
			backend = to
		}
		if !have[backend] {
			continue
		}
		a, err := s.providers.Get(id)
		if err != nil {
			return nil, err
		}
		info := a.Info()
		out = append(out, Gateway{
			Provider: id, Backend: backend, Dialect: info.Dialect,
			Path: "/p/" + id + "/" + w.Namespace, KeyVars: info.KeyVars,
		})
	}
	return out, nil
}

// version is the first 53 bits (so that every reader of JSON keeps it) of the
// SHA-256 over everything in the manifest, with each value's version in its
// place; never 0.
func (b draft) version() int64 {
	h := sha256.New()
	put := func(fields ...string) {
		for _, f := range fields {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(f), f)
		}
	}
	list := func(kind string, all []delivery) {
		put(kind, strconv.Itoa(len(all)))
		for _, d := range all {
			put(d.target, d.secret.ID, d.secret.Name, strconv.FormatInt(d.secret.ValueVersion, 10), seal.Digest(b.sealed[d.secret.ID].Ciphertext))
		}
	}
	list("env", b.plan.env)
	list("file", b.plan.files)
	put("lookup", strconv.Itoa(len(b.m.Lookups)))
	for _, l := range b.m.Lookups {
		put(l.Secret, strconv.FormatBool(l.Org), l.Description)
	}
	put("gateway", strconv.Itoa(len(b.m.Gateways)))
	for _, g := range b.m.Gateways {
		put(g.Provider, g.Backend, g.Dialect, g.Path)
	}
	put("conflict", strconv.Itoa(len(b.m.Conflicts)))
	for _, c := range b.m.Conflicts {
		put(c.Target, c.Secret, c.Winner, c.Why)
	}
	return max(int64(binary.BigEndian.Uint64(h.Sum(nil))>>11), 1) //nolint:gosec // 53 bits fit
}

// note names what goes out.
func (b draft) note(note guard.Note) {
	note("version", strconv.FormatInt(b.m.Version, 10))
	note.Names("env", names(b.plan.env))
	note.Names("files", names(b.plan.files))
	note.Names("lookups", names(b.plan.lookups))
	var backends []string
	for _, g := range b.m.Gateways {
		backends = append(backends, g.Provider)
	}
	note.Names("gateways", backends)
}

func names(list []delivery) []string {
	out := make([]string, 0, len(list))
	for _, d := range list {
		out = append(out, d.secret.Name)
	}
	return out
}
