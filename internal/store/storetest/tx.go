package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testRollback(t *testing.T, s suite) {
	boom := errors.New("boom")
	err := s.try(t, func(ctx context.Context, tx store.Tx) error {
		if err := add(store.Tx.Secrets, Secret("a"))(ctx, tx); err != nil {
			return err
		}
		return fmt.Errorf("wrapped: %w", boom)
	})
	if !errors.Is(err, boom) {
		t.Fatalf("the function's error came back as %v", err)
	}
	missing(t, s, getSecret(core.Local, "NAME_a"))
	s.do(t, add(store.Tx.Secrets, Secret("a")))
}

func testPanic(t *testing.T, s suite) {
	for _, run := range []func(context.Context, func(store.Tx) error) error{s.Update, s.View} {
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Fatalf("recovered %v", r)
				}
			}()
			_ = run(t.Context(), func(tx store.Tx) error {
				_ = tx.Secrets().Create(t.Context(), Secret("a"))
				panic("boom")
			})
		}()
		missing(t, s, getSecret(core.Local, "NAME_a"))
	}
	for i := range 10 { // no connection is lost to a panic
		s.do(t, add(store.Tx.Secrets, Secret(fmt.Sprint("b", i))))
		s.see(t, func(context.Context, store.Tx) error { return nil })
	}
}

func testCanceled(t *testing.T, s suite) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.Secrets().Create(ctx, Secret("a")); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	wants(t, err, core.Unavailable)
	missing(t, s, getSecret(core.Local, "NAME_a"))
	if err := s.View(ctx, func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := s.Update(ctx, func(store.Tx) error { t.Error("ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := s.Store.Version(ctx); err == nil {
		t.Fatal("Version ignores its context")
	}
	if _, err := s.Store.Version(t.Context()); err != nil {
		t.Fatalf("Version does not recover: %v", err)
	}
	s.do(t, add(store.Tx.Secrets, Secret("a")))
}

func testViewCannotWrite(t *testing.T, s suite) {
	wants(t, s.View(t.Context(), func(tx store.Tx) error { return tx.Secrets().Create(t.Context(), Secret("a")) }), core.Internal)
	missing(t, s, getSecret(core.Local, "NAME_a"))
}

func testOwnWrites(t *testing.T, s suite) {
	s.do(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Secrets().Create(ctx, Secret("a")); err != nil {
			return err
		}
		got, err := tx.Secrets().Get(ctx, core.Local, "NAME_a")
		if err == nil && got.ID != "a" {
			t.Error("a transaction does not see its own writes")
		}
		// A conflict that the function takes care of does not spoil the rest.
		wants(t, tx.Secrets().Create(ctx, Secret("a")), core.Conflict)
		return err
	})
	same(t, Secret("a"), read(t, s, getSecret(core.Local, "NAME_a")))
}

func testSnapshot(t *testing.T, s suite) {
	snapshot(t, s, s)
}

// snapshot checks that a View by r is of one moment, whatever w does meanwhile.
func snapshot(t *testing.T, r, w suite) {
	t.Helper()
	r.see(t, func(ctx context.Context, tx store.Tx) error {
		w.do(t, add(store.Tx.Secrets, Secret("a"))) // before the first read
		_, err := tx.Secrets().Get(ctx, core.Local, "NAME_a")
		wants(t, err, core.NotFound)
		w.do(t, add(store.Tx.Secrets, Secret("b")))
		list, err := tx.Secrets().List(ctx, core.Local)
		if err == nil && len(list) != 0 {
			t.Errorf("a View sees later commits: %d", len(list))
		}
		return err
	})
	list := read(t, r, func(ctx context.Context, tx store.Tx) ([]core.SealedSecret, error) {
		return tx.Secrets().List(ctx, core.Local)
	})
	if len(list) != 2 {
		t.Fatalf("%d secrets", len(list))
	}
}

func (s suite) version(t testing.TB) int64 {
	t.Helper()
	v, err := s.Store.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func testVersion(t *testing.T, s suite) {
	versions(t, s, s)
}

// versions checks that r's Version tells w's commits, and them alone.
func versions(t *testing.T, r, w suite) {
	t.Helper()
	seen := map[int64]bool{}
	for i := range 20 {
		v := r.version(t)
		if seen[v] {
			t.Fatalf("version %d came before", v)
		}
		seen[v] = true
		r.see(t, func(ctx context.Context, tx store.Tx) error { _, err := tx.Secrets().List(ctx, core.Local); return err })
		_ = w.try(t, func(ctx context.Context, tx store.Tx) error {
			_ = add(store.Tx.Secrets, Secret("rolled back"))(ctx, tx)
			return errors.New("no")
		})
		if again := r.version(t); again != v {
			t.Fatalf("version went from %d to %d and nothing was committed", v, again)
		}
		w.do(t, add(store.Tx.Secrets, Secret(fmt.Sprint(i))))
	}
}

func testConcurrent(t *testing.T, s suite) {
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range each {
				if err := s.try(t, bump(fmt.Sprint(i, "-", n))); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				consistent(t, s)
			}
		})
	}
	wg.Wait()
	if n := consistent(t, s); n != writers*each {
		t.Fatalf("%d of %d writes are there", n, writers*each)
	}
}

// bump reads the chain's head and appends to it, with a secret: a lost update
// would be a conflict, and half a transaction a difference.
func bump(id string) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		head, err := tx.Audit().Head(ctx, "w")
		if err != nil && core.CodeOf(err) != core.NotFound {
			return err
		}
		if err := tx.Secrets().Create(ctx, Secret(id)); err != nil {
			return err
		}
		return tx.Audit().Append(ctx, Entry("w", head.Seq+1))
	}
}

func consistent(t *testing.T, s suite) int {
	n := 0
	err := s.View(t.Context(), func(tx store.Tx) error {
		list, err := tx.Secrets().List(t.Context(), core.Local)
		if err != nil {
			return err
		}
		n = len(list)
		head, err := tx.Audit().Head(t.Context(), "w")
		if err != nil && core.CodeOf(err) != core.NotFound {
			return err
		}
		if head.Seq != int64(n) {
			t.Errorf("%d secrets, %d entries", n, head.Seq)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
