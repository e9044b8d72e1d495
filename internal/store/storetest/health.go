package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func limited(account, model string, epoch int64, until int) core.Health {
	return core.Health{AccountID: account, Model: model, Kind: "limited", Until: at(until), Epoch: epoch, Reason: "rate limit", UpdatedAt: at(until)}
}

func (s suite) merge(t testing.TB, records ...core.Health) {
	t.Helper()
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Health().Merge(ctx, records) })
}

func (s suite) health(t testing.TB, o core.Owner) []core.Health {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Health, error) { return tx.Health().List(ctx, o) })
}

func testHealthMerge(t *testing.T, s suite) {
	s.do(t, add(store.Tx.Accounts, Account("a"), Account("b")))
	early, late, model := limited("a", "", 0, 10), limited("a", "", 0, 20), limited("a", "m", 0, 15)
	s.merge(t, early, model)
	same(t, []core.Health{early, model}, s.health(t, core.Local))
	s.merge(t, late)
	s.merge(t, early)
	same(t, []core.Health{late, model}, s.health(t, core.Local))

	forever := core.Health{AccountID: "a", Kind: "dead", Until: core.Forever, Reason: "key refused", UpdatedAt: at(3)}
	s.merge(t, forever)
	same(t, []core.Health{forever, model}, s.health(t, core.Local))

	s.merge(t, core.Health{AccountID: "a", Kind: "ok", Epoch: 1, UpdatedAt: at(4)})
	if h := s.health(t, core.Local); len(h) != 0 {
		t.Fatalf("not cleared: %+v", h)
	}
	s.merge(t, forever, late, model) // reports that were on their way
	if h := s.health(t, core.Local); len(h) != 0 {
		t.Fatalf("old reports count again: %+v", h)
	}
	after := limited("a", "", 3, 5)
	s.merge(t, after) // another process saw two more clears
	same(t, []core.Health{after}, s.health(t, core.Local))
	if e := read(t, s, getAccount(Account("a"))).Epoch; e != 3 {
		t.Fatalf("epoch %d", e)
	}
	if e := read(t, s, getAccount(Account("b"))).Epoch; e != 0 {
		t.Fatalf("epoch of another account: %d", e)
	}
}

func testHealthOfOthers(t *testing.T, s suite) {
	foreign := Account("f")
	foreign.Owner = other
	s.do(t, add(store.Tx.Accounts, Account("a"), foreign))
	s.merge(t, limited("a", "", 0, 1), limited("f", "", 0, 2), limited("gone", "", 7, 3), core.Health{AccountID: "gone", Kind: "ok", Epoch: 9})
	same(t, []core.Health{limited("a", "", 0, 1)}, s.health(t, core.Local))
	same(t, []core.Health{limited("f", "", 0, 2)}, s.health(t, other))
	s.do(t, remove(store.Tx.Accounts, "a", 1))
	if h := s.health(t, core.Local); len(h) != 0 {
		t.Fatalf("%+v", h)
	}
}

// A client asked an account that was over its limit for a model of another name
// each time. Each left a record, and every process of the home read all of them
// again at every one, until none did anything else.
func testHealthIsBounded(t *testing.T, s suite) {
	const more = 20
	s.do(t, add(store.Tx.Accounts, Account("a"), Account("b")))
	records := []core.Health{limited("a", "", 0, 1), limited("b", "m", 0, 1)}
	for i := range store.MaxModels + more {
		records = append(records, limited("a", fmt.Sprintf("m%03d", i), 0, 10+i))
	}
	slices.Reverse(records)
	s.merge(t, records[:40]...)
	s.merge(t, records...)
	slices.Reverse(records)
	want := slices.Concat(records[:1], records[2+more:], records[1:2])
	same(t, want, s.health(t, core.Local))
}

// Any order, any repetition and any split into transactions gives the same.
func testHealthProperties(t *testing.T, s suite) {
	record := rapid.Custom(func(t *rapid.T) core.Health {
		return core.Health{
			Model:  rapid.SampledFrom([]string{"", "m"}).Draw(t, "model"),
			Kind:   rapid.SampledFrom([]string{"ok", "limited", "dead", "overloaded"}).Draw(t, "kind"),
			Until:  rapid.SampledFrom([]time.Time{{}, at(1), at(2), core.Forever}).Draw(t, "until"),
			Epoch:  rapid.Int64Range(0, 3).Draw(t, "epoch"),
			Reason: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "reason"), UpdatedAt: at(rapid.IntRange(0, 2).Draw(t, "updated")),
		}
	})
	n := 0
	state := func(records []core.Health, step int) ([]core.Health, int64) {
		n++
		a := Account(core.NewID("acc"))
		a.Owner = core.Owner{Kind: core.UserOwner, ID: a.ID}
		s.do(t, add(store.Tx.Accounts, a))
		mine := slices.Clone(records)
		for i := range mine {
			mine[i].AccountID = a.ID
		}
		for part := range slices.Chunk(mine, step) {
			s.merge(t, part...)
		}
		got := s.health(t, a.Owner)
		for i := range got {
			got[i].AccountID = ""
		}
		return got, read(t, s, getAccount(a)).Epoch
	}
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(record, 1, 6).Draw(rt, "records")
		want, epoch := state(records, len(records))
		shuffled := rapid.Permutation(append(slices.Clone(records), records...)).Draw(rt, "shuffled")
		got, gotEpoch := state(shuffled, rapid.IntRange(1, len(shuffled)).Draw(rt, "step"))
		if !slices.Equal(want, got) || epoch != gotEpoch {
			rt.Fatalf("merged once: %+v at epoch %d\nmerged in another order: %+v at epoch %d", want, epoch, got, gotEpoch)
		}
		expected, expectedEpoch := model(records)
		if epoch != expectedEpoch || !slices.EqualFunc(want, expected, func(a, b core.Health) bool { return a.Model == b.Model && a.Until.Equal(b.Until) && a.Epoch == b.Epoch }) {
			rt.Fatalf("merged: %+v at epoch %d, want %+v at epoch %d", want, epoch, expected, expectedEpoch)
		}
	})
}

// model says what must be left, by the port's words alone.
func model(records []core.Health) (left []core.Health, epoch int64) {
	for _, r := range records {
		epoch = max(epoch, r.Epoch)
	}
	for _, name := range []string{"", "m"} {
		var best *core.Health
		for i, r := range records {
			if r.Model == name && r.Epoch == epoch && r.Kind != "ok" && (best == nil || r.Until.After(best.Until)) {
				best = &records[i]
			}
		}
		if best != nil {
			left = append(left, *best)
		}
	}
	return left, epoch
}
