package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func sampleProfile(id, name string, o core.Owner, version int64) core.Profile {
	p := Profile(id)
	p.Name, p.Owner, p.Version = name, o, version
	return p
}

var testProfiles = testNamed("profile", store.Tx.Profiles, sampleProfile,
	core.Profile{ID: "a", Owner: core.Local, Name: "Z", Version: 1, CreatedAt: at(1)},
	core.Profile{ID: "b", Owner: core.Local, Name: "renamed", Version: 2, CreatedAt: at(1), UpdatedAt: at(9)})

func activate(o core.Owner, id string) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Profiles().Activate(ctx, o, id) }
}

// At each moment at most one of an owner's is active.
func testProfileActivate(t *testing.T, s suite) {
	a, b, foreign := Profile("a"), Profile("b"), Profile("f")
	foreign.Owner, foreign.Active = other, true
	s.do(t, add(store.Tx.Profiles, a, b, foreign))
	same(t, []string{"profile user:local b"}, s.since(t, activate(core.Local, "b")))
	b.Active, b.Version = true, 2
	same(t, []core.Profile{a, b}, read(t, s, list(store.Tx.Profiles, core.Local)))
	if got := s.since(t, activate(core.Local, "b")); got != nil {
		t.Fatalf("it was active before, and changed: %v", got)
	}
	same(t, []string{"profile user:local b", "profile user:local a"}, s.since(t, activate(core.Local, "a")))
	a.Active, a.Version, b.Active, b.Version = true, 2, false, 3
	same(t, []core.Profile{a, b}, read(t, s, list(store.Tx.Profiles, core.Local)))
	s.fails(t, core.NotFound, activate(core.Local, "f"))
	s.fails(t, core.NotFound, activate(core.Local, "gone"))

	second := Profile("c")
	second.Active = true
	s.fails(t, core.Conflict, add(store.Tx.Profiles, second))
	b.Active = true
	s.fails(t, core.Conflict, update(store.Tx.Profiles, b, 3))
	b.Active = false
	same(t, []core.Profile{a, b}, read(t, s, list(store.Tx.Profiles, core.Local)))
	same(t, []core.Profile{foreign}, read(t, s, list(store.Tx.Profiles, other)))
	s.do(t, remove(store.Tx.Profiles, "a", 2))
	s.do(t, add(store.Tx.Profiles, second))
}
