package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

func (f fixture) reconcile(ctx context.Context, want []account.Wanted, prune, dryRun bool) ([]account.Change, error) {
	var out []account.Change
	act := guard.Act{Action: guard.OrgApply, Subject: "org"}
	err := f.Guard.Do(ctx, admin, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		var err error
		out, err = f.Reconcile(ctx, tx, note, admin, want, prune, dryRun)
		return err
	})
	return out, err
}

func wanted(name, key string) account.Wanted {
	p, l, _ := strings.Cut(name, "/")
	w := account.Wanted{Provider: p, Label: l}
	if key != "" {
		w.Key = to(secret.FromString(key + strings.Repeat("-", 20)))
	}
	return w
}

// told is the changes as text.
func told(changes []account.Change) string {
	var out []string
	for _, c := range changes {
		s := c.Ref + " " + c.Action
		if len(c.Fields) > 0 {
			s += " " + strings.Join(c.Fields, ",")
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func (f fixture) orgAccounts(t testing.TB) []core.SealedAccount {
	t.Helper()
	var out []core.SealedAccount
	err := f.Store.View(t.Context(), func(tx store.Tx) (err error) {
		out, err = tx.Accounts().List(t.Context(), core.Org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReconcile(t *testing.T) {
	f := newFixture(t)
	step := func(want string, prune bool, list ...account.Wanted) {
		t.Helper()
		plan, err := f.reconcile(t.Context(), list, prune, true)
		if err != nil || told(plan) != want {
			t.Fatalf("planned %s, %v; want %s", told(plan), err, want)
		}
		done, err := f.reconcile(t.Context(), list, prune, false)
		if err != nil || told(done) != want {
			t.Fatalf("done %s, %v; want %s", told(done), err, want)
		}
		f.Verify(t)
	}
	a, b, c := wanted("anthropic/a", "ka"), wanted("anthropic/b", "kb"), wanted("openai/c", "kc")
	step("anthropic/a create; anthropic/b create; openai/c create", false, a, b, c)
	before := f.orgAccounts(t)
	step("anthropic/a none; anthropic/b none; openai/c none", false, a, b, c)
	for i, now := range f.orgAccounts(t) {
		if now.Version != before[i].Version || string(now.Ciphertext) != string(before[i].Ciphertext) {
			t.Errorf("%s was written though nothing changed", now.Ref())
		}
	}
	step("anthropic/b update position; anthropic/a update position; openai/c none", false, b, a, c)
	kept, c2 := wanted("anthropic/b", ""), c
	kept.Disabled, kept.QuotaGroup = true, "g"
	c2.Selector, c2.Limit = core.Selector{"team": "web"}, core.Limit{Requests: 5}
	step("anthropic/b update quota_group,enabled; anthropic/a none; openai/c update selector,limit", false, kept, a, c2)
	step("anthropic/a update position; anthropic/b extra; openai/c extra", false, a)
	b.Key = to(secret.FromString("another-key-0123456789"))
	step("anthropic/b update quota_group,enabled,key; anthropic/a delete; openai/c delete", true, b)
	if left := f.orgAccounts(t); len(left) != 1 || left[0].Position != 0 || left[0].ValueVersion != 2 || left[0].Fingerprint != "6789" || left[0].Epoch != 1 {
		t.Errorf("left %+v", left)
	}
	moved := b
	moved.BaseURL = "https://proxy.example"
	step("anthropic/b update base_url,key", true, moved)
}

// An extra account keeps its place behind those that are wanted.
func TestReconcileOrder(t *testing.T) {
	f := newFixture(t)
	list := []account.Wanted{wanted("anthropic/x", "k"), wanted("anthropic/a", "k"), wanted("anthropic/y", "k")}
	if _, err := f.reconcile(t.Context(), list, false, false); err != nil {
		t.Fatal(err)
	}
	got, err := f.reconcile(t.Context(), []account.Wanted{wanted("anthropic/n", "k"), wanted("anthropic/y", "k")}, false, false)
	if err != nil || told(got) != "anthropic/n create; anthropic/y update position; anthropic/x extra; anthropic/a extra" {
		t.Errorf("%s, %v", told(got), err)
	}
	var order []string
	for i, a := range f.orgAccounts(t) {
		order = append(order, a.Label)
		if a.Position != i {
			t.Errorf("%s has position %d, want %d", a.Label, a.Position, i)
		}
	}
	if strings.Join(order, " ") != "n y x a" {
		t.Errorf("order %v", order)
	}
}

// Everything that cannot be is told at once, and nothing is done.
func TestReconcileNamesEachBadAccount(t *testing.T) {
	f := newFixture(t)
	if _, err := f.reconcile(t.Context(), []account.Wanted{wanted("anthropic/a", "k")}, false, false); err != nil {
		t.Fatal(err)
	}
	elsewhere, twice, group, limit := wanted("anthropic/a", ""), wanted("openai/o", "k"), wanted("openai/g", "k"), wanted("openai/l", "k")
	elsewhere.BaseURL = "https://evil.example"
	group.QuotaGroup = "/"
	limit.Limit.Tokens = -1
	bad := wanted("openai/b", "")
	bad.Key = to(secret.FromString("a\nb"))
	_, err := f.reconcile(t.Context(), []account.Wanted{
		elsewhere, wanted("anthropic/new", ""), twice, twice, group, limit, bad, wanted("nobody/x", "k"), wanted("openai/ ", "k"),
	}, true, false)
	e, ok := err.(*core.Error)
	if !ok || e.Code != core.Invalid || e.Hint == "" {
		t.Fatalf("%v", err)
	}
	var fields []string
	for _, d := range e.Details {
		fields = append(fields, d.Field)
		if strings.Contains(d.Message, "a\nb") {
			t.Errorf("a detail holds a key: %q", d.Message)
		}
	}
	want := []string{
		"accounts[0].base_url", "accounts[1].key", "accounts[3].label", "accounts[4].quota_group", "accounts[5].limit",
		"accounts[6].key", "accounts[7].provider", "accounts[8].label",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("fields %v, want %v", fields, want)
	}
	if left := f.orgAccounts(t); len(left) != 1 || left[0].Version != 1 {
		t.Errorf("left %+v", left)
	}
}

// Whatever was there: after an apply everything is as wanted, applying again does
// nothing, a dry run tells the same and does nothing, and the trail fits.
func TestReconcileConverges(t *testing.T) {
	names := []string{"anthropic/a", "anthropic/b", "anthropic/c", "openai/a", "openai/b"}
	f := newFixture(t)
	rapid.Check(t, func(rt *rapid.T) {
		var list []account.Wanted
		for _, n := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(rt, "names") {
			w := wanted(n, rapid.SampledFrom([]string{"k1", "k2"}).Draw(rt, "key"))
			w.Disabled = rapid.Bool().Draw(rt, "off")
			w.Limit.Requests = rapid.Int64Range(0, 1).Draw(rt, "limit")
			list = append(list, w)
		}
		prune := rapid.Bool().Draw(rt, "prune")
		before := fmt.Sprint(f.orgAccounts(t))
		plan, err := f.reconcile(t.Context(), list, prune, true)
		if err != nil || fmt.Sprint(f.orgAccounts(t)) != before {
			rt.Fatalf("a dry run changed something: %v", err)
		}
		done, err := f.reconcile(t.Context(), list, prune, false)
		if err != nil || told(done) != told(plan) {
			rt.Fatalf("planned %s, done %s, %v", told(plan), told(done), err)
		}
		again, err := f.reconcile(t.Context(), list, prune, false)
		if err != nil || strings.Contains(told(again), " update") || strings.Contains(told(again), " create") || strings.Contains(told(again), " delete") {
			rt.Fatalf("applied again: %s, %v", told(again), err)
		}
		f.as(rt, t, list, prune)
	})
}

// as checks that the first accounts of each pool are those of the list.
func (f fixture) as(rt *rapid.T, t testing.TB, list []account.Wanted, prune bool) {
	stored := f.orgAccounts(t)
	if prune && len(stored) != len(list) {
		rt.Fatalf("%d accounts, want %d", len(stored), len(list))
	}
	next := map[string]int{}
	for _, w := range list {
		i := slices.IndexFunc(stored, func(a core.SealedAccount) bool { return a.Provider == w.Provider && a.Label == w.Label })
		if i < 0 {
			rt.Fatalf("%s/%s is not there", w.Provider, w.Label)
		}
		a := stored[i]
		if a.Position != next[w.Provider] || a.Enabled == w.Disabled || a.Limit != w.Limit {
			rt.Fatalf("%s: %+v, want %+v at %d", a.Ref(), a.Account, w, next[w.Provider])
		}
		next[w.Provider]++
	}
}
