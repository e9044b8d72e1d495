package upkeep_test

import (
	"errors"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

func (w *world) header(t testing.TB) core.Header {
	t.Helper()
	var h core.Header
	err := w.Store.View(t.Context(), func(tx store.Tx) (err error) { h, err = tx.Vault().Header(t.Context()); return err })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rekeyMaybe gives the vault another root key unless the process dies, and
// learns from the header which one it has.
func (w *world) rekeyMaybe(t testing.TB, m *mortal) {
	t.Helper()
	next := guardtest.RootKey(t)
	err := w.process(m).Rekey(t.Context(), admin, next, "")
	if (err != nil) != m.dead {
		t.Fatal(err)
	}
	switch id := w.header(t).RootKeyID; {
	case id == next.ID():
		w.use(next)
	case err == nil || id != w.root.ID():
		t.Fatalf("the header names %s", id)
	}
}

// use is what whoever starts anew does.
func (w *world) use(root seal.RootKey) {
	w.root, w.Keys, w.Signer = root, seal.NewKeys(root), audit.NewSigner(root.AuditKey)
	w.Guard = guard.New(w.Store, guardtest.Writer, guard.Signed(w.Signer))
}

func TestRekey(t *testing.T) {
	w := newWorld(t, 3)
	old, next, before := w.root, guardtest.RootKey(t), w.header(t)
	u := w.process(w.Store)
	if err := u.Rekey(t.Context(), admin, next, "env"); err != nil {
		t.Fatal(err)
	}
	h := w.header(t)
	if h.RootKeyID != next.ID() || h.Custody != "env" || !h.CreatedAt.Equal(before.CreatedAt) {
		t.Fatalf("%+v", h)
	}
	if v, err := u.VerifyValues(t.Context(), admin); err != nil || len(v.Problems) != 0 || v.Secrets != 9 {
		t.Fatalf("the same process goes on: %+v, %v", v, err)
	}
	if _, err := w.process(w.Store).VerifyValues(t.Context(), admin); !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: seal.ReasonWrongRoot}) {
		t.Fatalf("with the old root key: %v", err)
	}
	w.use(next)
	w.sound(t)
	if err := w.process(w.Store).Rekey(t.Context(), admin, old, ""); err != nil {
		t.Fatalf("and back: %v", err)
	}
	if h := w.header(t); h.Custody != "env" {
		t.Fatalf("%+v", h)
	}
	w.use(old)
	w.sound(t)
}

func TestRekeyRefuses(t *testing.T) {
	w := newWorld(t, 1)
	before := w.header(t)
	for name, c := range map[string]struct {
		actor  core.Actor
		mine   seal.RootKey
		next   seal.RootKey
		code   core.Code
		reason string
	}{
		"the same key":      {admin, w.root, w.root, core.Conflict, "same_root_key"},
		"no key":            {admin, w.root, seal.RootKey{}, core.Invalid, ""},
		"another's vault":   {admin, guardtest.RootKey(t), guardtest.RootKey(t), core.Unavailable, seal.ReasonWrongRoot},
		"not as the admin":  {core.LocalUser, w.root, guardtest.RootKey(t), core.Forbidden, ""},
		"nobody's admin":    {core.Actor{Kind: core.UserActor, ID: "x", Owner: core.Org, Scopes: core.AllScopes}, w.root, guardtest.RootKey(t), core.Forbidden, ""},
		"a key of a worker": {core.Actor{Kind: core.WorkspaceActor, ID: "w", Owner: core.Org}, w.root, guardtest.RootKey(t), core.Forbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			other := &world{Kit: w.Kit, root: c.mine}
			err := other.process(w.Store).Rekey(t.Context(), c.actor, c.next, "env")
			if !errors.Is(err, &core.Error{Code: c.code, Reason: c.reason}) {
				t.Fatal(err)
			}
			if w.header(t) != before {
				t.Fatalf("the header was changed: %+v", w.header(t))
			}
			w.sound(t)
		})
	}
}

// A process dies while it changes the root key: the vault opens with the one
// that its header names, and with no other.
func TestRekeyDies(t *testing.T) {
	changed := 0
	for way := range endOfWays {
		w := newWorld(t, 2)
		for at := range 2 {
			was := w.root
			w.rekeyMaybe(t, &mortal{Store: w.Store, at: at, way: way})
			if w.root.ID() != was.ID() {
				changed++
				err := w.Store.View(t.Context(), func(tx store.Tx) error {
					_, err := seal.NewKeys(was).Open(t.Context(), tx.Vault(), bob)
					return err
				})
				if !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: seal.ReasonWrongRoot}) {
					t.Errorf("the old root key: %v", err)
				}
			}
			w.sound(t)
		}
	}
	if changed < 3 {
		t.Fatalf("the key was changed %d times", changed)
	}
}
