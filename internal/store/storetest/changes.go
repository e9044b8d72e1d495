package storetest

import (
	"context"
	"strconv"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func (s suite) after(t testing.TB, seq int64, limit int) []core.Change {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Change, error) {
		return tx.Changes().After(ctx, seq, limit)
	})
}

func (s suite) last(t testing.TB) int64 {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.Changes().Last(ctx) })
}

func (s suite) first(t testing.TB) int64 {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.Changes().First(ctx) })
}

// since lists what changed in do, without the numbers, as "kind owner id".
func (s suite) since(t testing.TB, do func(ctx context.Context, tx store.Tx) error) (out []string) {
	t.Helper()
	from := s.last(t)
	s.do(t, do)
	for i, c := range s.after(t, from, 100) {
		if c.Seq <= from || i > 0 && c.Seq <= from+int64(i)-1 {
			t.Fatalf("change %d is numbered %d after %d", i, c.Seq, from)
		}
		o := ""
		if c.Owner != (core.Owner{}) {
			o = c.Owner.String()
		}
		out = append(out, c.Kind+" "+o+" "+c.ID)
	}
	return out
}

func testChanges(t *testing.T, s suite) {
	if n, first := s.last(t), s.first(t); n != 0 || first != 0 {
		t.Fatalf("a new store is at change %d, and keeps those from %d", n, first)
	}
	ctxs := []struct {
		want []string
		do   func(context.Context, store.Tx) error
	}{
		{[]string{"header  "}, func(ctx context.Context, tx store.Tx) error {
			return tx.Vault().SetHeader(ctx, core.Header{CreatedAt: at(1)})
		}},
		{[]string{"key user:local k"}, func(ctx context.Context, tx store.Tx) error {
			return tx.Vault().PutKey(ctx, core.WrappedKey{ID: "k", Owner: core.Local})
		}},
		{[]string{"secret user:local s", "secret user:local r"}, add(store.Tx.Secrets, Secret("s"), Secret("r"))},
		{[]string{"secret user:local s"}, func(ctx context.Context, tx store.Tx) error {
			x := Secret("s")
			if err := tx.Secrets().Update(ctx, x, 1); err != nil {
				return err
			}
			return tx.Secrets().Update(ctx, x, 2) // one row for a record
		}},
		{[]string{"secret user:local s"}, func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Delete(ctx, "s", 3) }},
		{[]string{"account user:local a"}, add(store.Tx.Accounts, Account("a"))},
		{[]string{"account user:local a"}, update(store.Tx.Accounts, Account("a"), 1)},
		{[]string{"health user:local a"}, func(ctx context.Context, tx store.Tx) error {
			return tx.Health().Merge(ctx, []core.Health{limited("a", "", 0, 5), limited("a", "m", 0, 5), limited("gone", "", 0, 5)})
		}},
		{nil, func(ctx context.Context, tx store.Tx) error {
			return tx.Health().Merge(ctx, []core.Health{limited("a", "", 0, 5), limited("a", "", 0, 4)}) // nothing new
		}},
		{[]string{"health user:local a"}, func(ctx context.Context, tx store.Tx) error {
			return tx.Health().Merge(ctx, []core.Health{{AccountID: "a", Kind: "ok", Epoch: 1}})
		}},
		{[]string{"account user:local a"}, remove(store.Tx.Accounts, "a", 2)},
		{[]string{"workspace user:local w"}, add(store.Tx.Workspaces, Workspace("w"))},
		{[]string{"workspace user:local w"}, func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, "w", at(2)) }},
		{nil, appendEntries(Entry("w", 1))},
		{nil, func(ctx context.Context, tx store.Tx) error {
			return tx.Usage().Add(ctx, []core.Usage{{UsageKey: core.UsageKey{Owner: core.Local, Day: "2025-01-01"}, Requests: 1}})
		}},
	}
	for _, c := range ctxs {
		same(t, c.want, s.since(t, c.do))
	}
	all := s.after(t, 0, 100)
	same(t, all[3:5], s.after(t, all[2].Seq, 2))
	same(t, all[len(all)-1].Seq, s.last(t))
	same(t, all[0].Seq, s.first(t))
	if got := s.after(t, s.last(t), 10); len(got) != 0 {
		t.Fatalf("%+v", got)
	}

	before := s.last(t)
	s.fails(t, core.Conflict, add(store.Tx.Secrets, Secret("new"), Secret("r")))
	if s.last(t) != before {
		t.Fatal("a rolled back transaction left a change")
	}
}

func testChangesPruned(t *testing.T, s suite) {
	const total, kept = 12_500, 10_000
	for n := 0; n < total; {
		s.do(t, func(ctx context.Context, tx store.Tx) error {
			for range 500 {
				n++
				w := core.Workspace{ID: strconv.Itoa(n), Owner: core.Local, Version: 1, CreatedAt: at(n)}
				if err := tx.Workspaces().Create(ctx, w); err != nil {
					return err
				}
			}
			return nil
		})
	}
	all := s.after(t, 0, total)
	if len(all) < kept || len(all) >= total {
		t.Fatalf("%d of %d changes are kept", len(all), total)
	}
	same(t, all[0].Seq, s.first(t))
	for i, c := range all {
		if want := strconv.Itoa(total - len(all) + i + 1); c.ID != want {
			t.Fatalf("change %d is of %s, want %s: a gap", i, c.ID, want)
		}
	}
}
