package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// bearerSuite is what one of the two kinds is tested with.
type bearerSuite[T any] struct {
	suite
	kind   string // of its changes
	of     func(store.Tx) store.Bearers[T]
	record func(id, user string) T
	parts  func(*T) (digest *[]byte, created, used *time.Time)
}

func testTokens(t *testing.T, s suite) {
	bearerSuite[core.Token]{s, "token", func(tx store.Tx) store.Bearers[core.Token] { return tx.Tokens() }, Token,
		func(x *core.Token) (*[]byte, *time.Time, *time.Time) { return &x.Digest, &x.CreatedAt, &x.UsedAt }}.run(t)
}

func testSessions(t *testing.T, s suite) {
	bearerSuite[core.BrowserSession]{s, "session", func(tx store.Tx) store.Bearers[core.BrowserSession] { return tx.Sessions() }, Session,
		func(x *core.BrowserSession) (*[]byte, *time.Time, *time.Time) {
			return &x.Digest, &x.CreatedAt, &x.UsedAt
		}}.run(t)
}

func (b bearerSuite[T]) run(t *testing.T) {
	b.find(t)
	b.conflicts(t)
	b.used(t)
	b.remove(t)
}

func (b bearerSuite[T]) sample(id, user string, n int) T {
	x := b.record(id, user)
	_, created, _ := b.parts(&x)
	*created = at(n)
	return x
}

// edit gives x another digest and use; nil and zero leave what is there.
func (b bearerSuite[T]) edit(x T, digest []byte, used time.Time) T {
	d, _, u := b.parts(&x)
	if digest != nil {
		*d = digest
	}
	if !used.IsZero() {
		*u = used
	}
	return x
}

func (b bearerSuite[T]) with(fn func(ctx context.Context, r store.Bearers[T]) error) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return fn(ctx, b.of(tx)) }
}

func (b bearerSuite[T]) list(t testing.TB, user string) []T {
	t.Helper()
	return read(t, b.suite, func(ctx context.Context, tx store.Tx) ([]T, error) { return b.of(tx).List(ctx, user) })
}

func (b bearerSuite[T]) missing(t testing.TB, find func(ctx context.Context, r store.Bearers[T]) (T, error)) {
	t.Helper()
	missing(t, b.suite, func(ctx context.Context, tx store.Tx) (T, error) { return find(ctx, b.of(tx)) })
}

func (b bearerSuite[T]) find(t *testing.T) {
	b.missing(t, func(ctx context.Context, r store.Bearers[T]) (T, error) { return r.Get(ctx, "a") })
	x, y, z, foreign := b.sample("z", "ann", 1), b.sample("a", "ann", 2), b.sample("b", "ann", 2), b.sample("f", "bob", 1)
	for _, one := range []T{z, x, y, foreign} {
		b.do(t, b.with(func(ctx context.Context, r store.Bearers[T]) error { return r.Create(ctx, one) }))
	}
	same(t, []T{x, y, z}, b.list(t, "ann"))
	same(t, []T{foreign}, b.list(t, "bob"))
	if got := b.list(t, "eve"); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	same(t, x, read(t, b.suite, func(ctx context.Context, tx store.Tx) (T, error) { return b.of(tx).Get(ctx, "z") }))
	same(t, foreign, read(t, b.suite, func(ctx context.Context, tx store.Tx) (T, error) {
		return b.of(tx).ByDigest(ctx, core.TokenDigest("f"))
	}))
	for _, d := range [][]byte{nil, {}, core.TokenDigest("gone"), core.TokenDigest("f")[:31]} {
		b.missing(t, func(ctx context.Context, r store.Bearers[T]) (T, error) { return r.ByDigest(ctx, d) })
	}
}

func (b bearerSuite[T]) conflicts(t *testing.T) {
	for name, bad := range map[string]T{
		"the same id":     b.edit(b.sample("a", "ann", 1), core.TokenDigest("new"), time.Time{}),
		"the same digest": b.edit(b.sample("new", "ann", 1), core.TokenDigest("a"), time.Time{}),
	} {
		t.Run(name, func(t *testing.T) {
			b.fails(t, core.Conflict, b.with(func(ctx context.Context, r store.Bearers[T]) error { return r.Create(ctx, bad) }))
		})
	}
	none := b.edit(b.sample("none", "ann", 1), []byte{}, time.Time{})
	b.fails(t, core.Internal, b.with(func(ctx context.Context, r store.Bearers[T]) error { return r.Create(ctx, none) }))
}

func (b bearerSuite[T]) used(t *testing.T) {
	use := func(id string, when time.Time) []string {
		return b.since(t, b.with(func(ctx context.Context, r store.Bearers[T]) error {
			return r.Used(ctx, map[string]time.Time{id: when, "gone": when})
		}))
	}
	for _, when := range []int{1_000_000, 2_000_000, 1_500_000} {
		if got := use("a", at(when)); got != nil {
			t.Fatalf("that it was used is a change: %v", got)
		}
	}
	same(t, b.edit(b.sample("a", "ann", 2), nil, at(2_000_000)), b.list(t, "ann")[1])
	same(t, b.sample("b", "ann", 2), b.list(t, "ann")[2])
}

func (b bearerSuite[T]) remove(t *testing.T) {
	del := func(id string) func(context.Context, store.Tx) error {
		return b.with(func(ctx context.Context, r store.Bearers[T]) error { return r.Delete(ctx, id) })
	}
	same(t, []string{b.kind + " user:ann a"}, b.since(t, del("a")))
	b.fails(t, core.NotFound, del("a"))
	b.missing(t, func(ctx context.Context, r store.Bearers[T]) (T, error) {
		return r.ByDigest(ctx, core.TokenDigest("a"))
	})

	all := func(user string, want int) []string {
		return b.since(t, b.with(func(ctx context.Context, r store.Bearers[T]) error {
			n, err := r.DeleteAll(ctx, user)
			if n != want {
				t.Errorf("%d were deleted, want %d", n, want)
			}
			return err
		}))
	}
	got := strings.Join(all("ann", 2), ", ")
	if !strings.Contains(got, b.kind+" user:ann b") || !strings.Contains(got, b.kind+" user:ann z") {
		t.Errorf("changes: %s", got)
	}
	if got := all("ann", 0); got != nil {
		t.Errorf("changes: %v", got)
	}
	same(t, []T{b.sample("f", "bob", 1)}, b.list(t, "bob"))
	b.do(t, b.with(func(ctx context.Context, r store.Bearers[T]) error { return r.Create(ctx, b.sample("a", "ann", 1)) }))
}

func testSessionSweep(t *testing.T, s suite) {
	s.do(t, func(ctx context.Context, tx store.Tx) error {
		for i, id := range []string{"a", "b", "c"} {
			k, b := Token(id, "ann"), Session(id, "ann")
			k.ExpiresAt, b.ExpiresAt = at(10+i), at(10+i)
			if id == "c" {
				k.ExpiresAt = time.Time{} // never
			}
			if err := tx.Tokens().Create(ctx, k); err != nil {
				return err
			}
			if err := tx.Sessions().Create(ctx, b); err != nil {
				return err
			}
		}
		return nil
	})
	sweep := func(n int) []string {
		return s.since(t, func(ctx context.Context, tx store.Tx) error { return tx.Sessions().Sweep(ctx, at(n)) })
	}
	if got := sweep(10); got != nil {
		t.Fatalf("one that ends at the time is swept before it: %v", got)
	}
	same(t, []string{"token user:ann a", "session user:ann a"}, sweep(11))
	same(t, []string{"token user:ann b", "session user:ann b", "session user:ann c"}, sweep(1000))
	left := read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Token, error) { return tx.Tokens().List(ctx, "ann") })
	if len(left) != 1 || left[0].ID != "c" {
		t.Fatalf("%+v", left)
	}
}
