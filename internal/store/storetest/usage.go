package storetest

import (
	"context"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testUsage(t *testing.T, s suite) {
	key := func(account, day string) core.UsageKey {
		return core.UsageKey{Owner: core.Local, AccountID: account, Model: "m", Workspace: "w", Day: day}
	}
	count := func(counts ...core.Usage) {
		t.Helper()
		s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Usage().Add(ctx, counts) })
	}
	list := func(o core.Owner, since time.Time) []core.Usage {
		t.Helper()
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Usage, error) { return tx.Usage().List(ctx, o, since) })
	}
	one := core.Usage{UsageKey: key("a", "2025-06-01"), Requests: 1, Rotations: 2, Errors: 3, InputTokens: 4, OutputTokens: 5, Unreported: 6, Estimated: 7}
	late := core.Usage{UsageKey: key("a", "2025-06-02"), Requests: 1 << 40}
	early := core.Usage{UsageKey: key("a", "2025-05-31"), Requests: 7}
	foreign := one
	foreign.Owner = other
	count(one, late, one)
	count(one, early, foreign)
	thrice := core.Usage{UsageKey: one.UsageKey, Requests: 3, Rotations: 6, Errors: 9, InputTokens: 12, OutputTokens: 15, Unreported: 18, Estimated: 21}
	same(t, []core.Usage{early, thrice, late}, list(core.Local, time.Time{}))
	same(t, []core.Usage{foreign}, list(other, time.Time{}))
	same(t, []core.Usage{thrice, late}, list(core.Local, time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)))
	// A moment within a day gives the day: counts are by day. 01:00 in Berlin is
	// still the day before in UTC.
	same(t, []core.Usage{late}, list(core.Local, time.Date(2025, 6, 2, 23, 59, 0, 0, time.UTC)))
	same(t, []core.Usage{thrice, late}, list(core.Local, time.Date(2025, 6, 2, 1, 0, 0, 0, time.FixedZone("", 7200))))

	for _, part := range []func(*core.UsageKey){
		func(k *core.UsageKey) { k.AccountID = "b" }, func(k *core.UsageKey) { k.Model = "" }, func(k *core.UsageKey) { k.Workspace = "v" },
	} {
		apart := core.Usage{UsageKey: one.UsageKey, Requests: 1}
		part(&apart.UsageKey)
		count(apart)
	}
	if got := list(core.Local, time.Time{}); len(got) != 6 {
		t.Fatalf("%d counts: %+v", len(got), got)
	}
	// Usage outlives its account.
	s.do(t, add(store.Tx.Accounts, Account("a")))
	s.do(t, remove(store.Tx.Accounts, "a", 1))
	if got := list(core.Local, time.Time{}); len(got) != 6 {
		t.Fatalf("%d counts", len(got))
	}
}
