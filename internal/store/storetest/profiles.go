package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func addProfiles(profiles ...core.Profile) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, p := range profiles {
			if err := tx.Profiles().Create(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
}

func updateProfile(p core.Profile, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Profiles().Update(ctx, p, expect) }
}

func removeProfile(id string, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Profiles().Delete(ctx, id, expect) }
}

func activate(o core.Owner, id string) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Profiles().Activate(ctx, o, id) }
}

func (s suite) profiles(t testing.TB, o core.Owner) []core.Profile {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Profile, error) { return tx.Profiles().List(ctx, o) })
}

func testProfiles(t *testing.T, s suite) {
	get := func(o core.Owner, name string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { _, err := tx.Profiles().Get(ctx, o, name); return err }
	}
	a := Profile("b")
	bare := core.Profile{ID: "a", Owner: core.Local, Name: "Z", Version: 1, CreatedAt: at(1)}
	foreign := Profile("f")
	foreign.Owner, foreign.Name = other, a.Name
	s.fails(t, core.NotFound, get(core.Local, a.Name))
	same(t, []string{"profile user:local b", "profile user:local a", "profile org:acme:eu f"}, s.since(t, addProfiles(a, bare, foreign)))
	same(t, []core.Profile{bare, a}, s.profiles(t, core.Local))
	same(t, []core.Profile{foreign}, s.profiles(t, other))
	same(t, a, read(t, s, func(ctx context.Context, tx store.Tx) (core.Profile, error) {
		return tx.Profiles().Get(ctx, core.Local, a.Name)
	}))
	s.fails(t, core.NotFound, get(core.Local, "NAME-b"))

	b := core.Profile{ID: "b", Owner: core.Local, Name: "renamed", Version: 2, CreatedAt: at(1), UpdatedAt: at(9)}
	same(t, []string{"profile user:local b"}, s.since(t, updateProfile(b, 1)))
	same(t, []core.Profile{bare, b}, s.profiles(t, core.Local))
	same(t, []string{"profile user:local b"}, s.since(t, removeProfile("b", 2)))
	same(t, []core.Profile{bare}, s.profiles(t, core.Local))
}

func testProfileConflicts(t *testing.T, s suite) {
	a, b := Profile("a"), Profile("b")
	s.do(t, addProfiles(a, b))
	taken := Profile("c")
	taken.Name = a.Name
	s.fails(t, core.Conflict, addProfiles(taken))
	s.fails(t, core.Conflict, addProfiles(a))
	wrong := Profile("d")
	wrong.Version = 2
	s.fails(t, core.Internal, addProfiles(wrong))
	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, updateProfile(a, stale))
		s.fails(t, core.Conflict, removeProfile("a", stale))
	}
	taken.ID = "b"
	s.fails(t, core.Conflict, updateProfile(taken, 1))
	stolen := a
	stolen.Owner = other
	s.fails(t, core.Conflict, updateProfile(stolen, 1))
	s.fails(t, core.NotFound, updateProfile(Profile("gone"), 1))
	s.fails(t, core.NotFound, removeProfile("gone", 1))
	same(t, []core.Profile{a, b}, s.profiles(t, core.Local))
}

// At each moment at most one of an owner's is active.
func testProfileActivate(t *testing.T, s suite) {
	a, b, foreign := Profile("a"), Profile("b"), Profile("f")
	foreign.Owner, foreign.Active = other, true
	s.do(t, addProfiles(a, b, foreign))
	same(t, []string{"profile user:local b"}, s.since(t, activate(core.Local, "b")))
	b.Active, b.Version = true, 2
	same(t, []core.Profile{a, b}, s.profiles(t, core.Local))
	if got := s.since(t, activate(core.Local, "b")); got != nil {
		t.Fatalf("it was active before, and changed: %v", got)
	}
	same(t, []string{"profile user:local b", "profile user:local a"}, s.since(t, activate(core.Local, "a")))
	a.Active, a.Version, b.Active, b.Version = true, 2, false, 3
	same(t, []core.Profile{a, b}, s.profiles(t, core.Local))
	s.fails(t, core.NotFound, activate(core.Local, "f"))
	s.fails(t, core.NotFound, activate(core.Local, "gone"))

	second := Profile("c")
	second.Active = true
	s.fails(t, core.Conflict, addProfiles(second))
	b.Active = true
	s.fails(t, core.Conflict, updateProfile(b, 3))
	b.Active = false
	same(t, []core.Profile{a, b}, s.profiles(t, core.Local))
	same(t, []core.Profile{foreign}, s.profiles(t, other))
	s.do(t, removeProfile("a", 2))
	s.do(t, addProfiles(second))
}
