package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// The kind of a record is named by the method that gives it: add(store.Tx.Secrets, a, b).

func add[R interface {
	Create(context.Context, T) error
}, T any](kind func(store.Tx) R, records ...T) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, x := range records {
			if err := kind(tx).Create(ctx, x); err != nil {
				return err
			}
		}
		return nil
	}
}

func update[R interface {
	Update(context.Context, T, int64) error
}, T any](kind func(store.Tx) R, x T, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return kind(tx).Update(ctx, x, expect) }
}

func remove[R interface {
	Delete(context.Context, string, int64) error
}](kind func(store.Tx) R, id string, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return kind(tx).Delete(ctx, id, expect) }
}

func list[R interface {
	List(context.Context, core.Owner) ([]T, error)
}, T any](kind func(store.Tx) R, o core.Owner) func(context.Context, store.Tx) ([]T, error) {
	return func(ctx context.Context, tx store.Tx) ([]T, error) { return kind(tx).List(ctx, o) }
}

// versioned are the methods that kinds with an owner and a version share.
type versioned[T any] interface {
	ByID(ctx context.Context, id string) (T, error)
	List(ctx context.Context, o core.Owner) ([]T, error)
	Create(ctx context.Context, x T) error
	Update(ctx context.Context, x T, expect int64) error
	Delete(ctx context.Context, id string, expect int64) error
}

// testConflicts is what a kind refuses; sample is a record with these parts.
func testConflicts[R versioned[T], T any](kind func(store.Tx) R, sample func(id, name string, o core.Owner, version int64) T) func(*testing.T, suite) {
	return func(t *testing.T, s suite) {
		a, b, gone := sample("a", "a", core.Local, 1), sample("b", "b", core.Local, 1), sample("gone", "gone", core.Local, 1)
		s.do(t, add(kind, a, b))
		testByID(t, s, kind, a, sample("foreign", "a", other, 1))
		s.fails(t, core.Conflict, add(kind, sample("c", "a", core.Local, 1)))
		s.fails(t, core.Conflict, add(kind, a))
		for _, version := range []int64{0, 2} {
			s.fails(t, core.Internal, add(kind, sample("d", "d", core.Local, version)))
		}
		for _, stale := range []int64{0, 2, 99} {
			s.fails(t, core.Conflict, update(kind, sample("a", "changed", core.Local, 2), stale))
			s.fails(t, core.Conflict, remove(kind, "a", stale))
		}
		s.fails(t, core.Conflict, update(kind, sample("b", "a", core.Local, 1), 1)) // the name is taken
		s.fails(t, core.Conflict, update(kind, sample("a", "a", other, 1), 1))      // the owner never changes
		s.fails(t, core.NotFound, update(kind, gone, 1))
		s.fails(t, core.NotFound, remove(kind, "gone", 1))
		same(t, []T{a, b}, read(t, s, list(kind, core.Local)))

		// Two that saw the same version: the second learns of it.
		changed := sample("a", "changed", core.Local, 2)
		s.do(t, update(kind, changed, 1))
		s.fails(t, core.Conflict, update(kind, changed, 1))
		same(t, []T{b, changed}, read(t, s, list(kind, core.Local)))
	}
}

// testByID: an id finds just its record, whose ever it is. It takes the one with
// the id "a", which is stored, and one with the id "foreign".
func testByID[R versioned[T], T any](t *testing.T, s suite, kind func(store.Tx) R, a, foreign T) {
	t.Helper()
	byID := func(id string) func(context.Context, store.Tx) (T, error) {
		return func(ctx context.Context, tx store.Tx) (T, error) { return kind(tx).ByID(ctx, id) }
	}
	s.do(t, add(kind, foreign))
	same(t, a, read(t, s, byID("a")))
	same(t, foreign, read(t, s, byID("foreign")))
	s.do(t, remove(kind, "foreign", 1))
	for _, id := range []string{"foreign", "", "A"} {
		missing(t, s, byID(id))
	}
}

// named are versioned kinds whose records have a name.
type named[T any] interface {
	versioned[T]
	Get(ctx context.Context, o core.Owner, name string) (T, error)
}

// testNamed is how such a kind keeps its records. Of bare, with the id "a", and
// of renamed, with the id "b", all is empty that may be.
func testNamed[R named[T], T any](what string, kind func(store.Tx) R, sample func(id, name string, o core.Owner, version int64) T, bare, renamed T) func(*testing.T, suite) {
	return func(t *testing.T, s suite) {
		get := func(o core.Owner, name string) func(context.Context, store.Tx) (T, error) {
			return func(ctx context.Context, tx store.Tx) (T, error) { return kind(tx).Get(ctx, o, name) }
		}
		full, foreign := sample("b", "name", core.Local, 1), sample("f", "name", other, 1)
		missing(t, s, get(core.Local, "name"))
		same(t, []string{what + " user:local b", what + " user:local a", what + " org:acme:eu f"}, s.since(t, add(kind, full, bare, foreign)))
		same(t, []T{bare, full}, read(t, s, list(kind, core.Local)))
		same(t, []T{foreign}, read(t, s, list(kind, other)))
		same(t, full, read(t, s, get(core.Local, "name")))
		missing(t, s, get(core.Local, "NAME"))

		same(t, []string{what + " user:local b"}, s.since(t, update(kind, renamed, 1)))
		same(t, []T{bare, renamed}, read(t, s, list(kind, core.Local)))
		missing(t, s, get(core.Local, "name"))
		same(t, []string{what + " user:local b"}, s.since(t, remove(kind, "b", 2)))
		same(t, []T{bare}, read(t, s, list(kind, core.Local)))
		s.do(t, add(kind, full)) // the name and the id are free again
	}
}
