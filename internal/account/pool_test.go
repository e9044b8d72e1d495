package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
)

// admin is the person at this machine as the organisation's administrator.
var admin = core.LocalUser.On(core.Org)

func stale(err error) bool {
	e, ok := err.(*core.Error)
	return ok && e.Code == core.Conflict && e.Reason == "stale" && e.Hint != ""
}

func TestExpectedVersions(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	a := f.update(t, "anthropic/a", account.Edit{Enabled: to(false)})
	r := ref(t, "anthropic/a")
	for _, seen := range []int64{1, 3} {
		_, update := f.Update(t.Context(), core.LocalUser, r, account.Edit{Enabled: to(true)}, seen)
		for what, err := range map[string]error{
			"update": update, "clear": f.Clear(t.Context(), core.LocalUser, r, seen), "delete": f.Delete(t.Context(), core.LocalUser, r, seen),
		} {
			if !stale(err) {
				t.Errorf("%s of version %d: %v", what, seen, err)
			}
		}
	}
	if err := f.Clear(t.Context(), core.LocalUser, r, a.Version); err != nil {
		t.Error(err)
	}
	if err := f.Delete(t.Context(), core.LocalUser, r, a.Version); err != nil {
		t.Error(err)
	}
}

// Pages one after another are the whole list, whatever their size, and though an
// account goes that a page ended with.
func TestPages(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"openai/b", "openai/a", "anthropic/x", "openai/team/z", "anthropic/y"} {
		f.add(t, n)
	}
	all, _, err := f.List(t.Context(), core.LocalUser, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size <= len(all)+1; size++ {
		var got []core.Account
		for p := (store.Page{Limit: size}); ; p.After = account.PageKey(got[len(got)-1]) {
			page, _, err := f.List(t.Context(), core.LocalUser, p)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(page) < size {
				break
			}
		}
		if !slices.EqualFunc(got, all, func(a, b core.Account) bool { return a.ID == b.ID }) {
			t.Errorf("pages of %d give %d accounts", size, len(got))
		}
	}
	first := account.PageKey(all[1])
	if err := f.Delete(t.Context(), core.LocalUser, ref(t, all[1].Ref()), 0); err != nil {
		t.Fatal(err)
	}
	rest, _, err := f.List(t.Context(), core.LocalUser, store.Page{After: first, Limit: 10})
	if err != nil || len(rest) != 3 {
		t.Errorf("after a place that is gone: %d, %v", len(rest), err)
	}
	for _, bad := range []string{"x", "a/b/c/d", "a/b/1", "a/b/1/c/d"} {
		_, _, err := f.List(t.Context(), core.LocalUser, store.Page{After: bad, Limit: 1})
		wantCode(t, err, core.Invalid, "no such place")
	}
}

func TestSelectorsAndLimits(t *testing.T) {
	f := newFixture(t)
	in := account.NewAccount{
		Provider: "anthropic", Label: "shared", Key: secret.FromString(testKey),
		Selector: core.Selector{"team": "web"}, Limit: core.Limit{Requests: 10, Tokens: 1000},
	}
	if _, err := f.Add(t.Context(), core.LocalUser, in); core.CodeOf(err) != core.Invalid {
		t.Errorf("a user's own account with a limit: %v", err)
	}
	made, err := f.Add(t.Context(), admin, in)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := f.Get(t.Context(), admin, ref(t, "anthropic/shared"))
	if err != nil || got.Selector.String() != "team=web" || got.Limit != in.Limit || made.Limit != in.Limit {
		t.Errorf("stored %+v, %v", got, err)
	}
	for what, e := range map[string]account.Edit{
		"a negative limit":   {Limit: &core.Limit{Requests: -1}},
		"a bad label":        {Selector: &core.Selector{"a b": "c"}},
		"a label that is no": {Selector: &core.Selector{"keyfob/other": "c"}},
	} {
		if _, err := f.Update(t.Context(), admin, ref(t, "anthropic/shared"), e, 0); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	next, err := f.Update(t.Context(), admin, ref(t, "anthropic/shared"), account.Edit{Selector: &core.Selector{}, Limit: &core.Limit{}}, got.Version)
	if err != nil || len(next.Selector) > 0 || next.Limit != (core.Limit{}) {
		t.Errorf("cleared: %+v, %v", next, err)
	}
	own := f.add(t, "anthropic/own")
	if _, err := f.Update(t.Context(), core.LocalUser, ref(t, "anthropic/own"), account.Edit{Limit: &core.Limit{Tokens: 1}}, 0); core.CodeOf(err) != core.Invalid {
		t.Errorf("a limit on %s: %v", own.Ref(), err)
	}
}

func (f fixture) pool(t testing.TB, actor core.Actor, provider, namespace string) account.Pool {
	t.Helper()
	p, err := f.Pool(t.Context(), actor, provider, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPoolSettings(t *testing.T) {
	f := newFixture(t)
	_, err := f.Pool(t.Context(), core.LocalUser, "anthropic", "")
	wantCode(t, err, core.NotFound, "anthropic/default")
	for _, n := range []string{"a", "b", "c"} {
		f.add(t, "anthropic/"+n)
	}
	f.add(t, "openai/team/z")
	p := f.pool(t, core.LocalUser, "anthropic", "")
	if p.Strategy != core.Sticky || p.AllowAmbiguous || p.Version != 4 || strings.Join(p.Accounts, " ") != "a b c" {
		t.Fatalf("%+v", p)
	}
	next, err := f.UpdatePool(t.Context(), core.LocalUser, "anthropic", "default",
		account.PoolEdit{Strategy: to(core.RoundRobin), AllowAmbiguous: to(true), Accounts: &[]string{"c", "a", "b"}}, p.Version)
	if err != nil || next.Version != 5 {
		t.Fatalf("%+v, %v", next, err)
	}
	if got := f.pool(t, core.LocalUser, "anthropic", ""); got.Strategy != core.RoundRobin || !got.AllowAmbiguous || got.Version != 5 || strings.Join(got.Accounts, " ") != "c a b" {
		t.Errorf("stored %+v", got)
	}
	if got := f.pools(t); got != "anthropic/c 0, anthropic/a 1, anthropic/b 2, openai/team/z 0" {
		t.Errorf("accounts %s", got)
	}
	_, err = f.UpdatePool(t.Context(), core.LocalUser, "anthropic", "", account.PoolEdit{AllowAmbiguous: to(false)}, p.Version)
	if !stale(err) {
		t.Errorf("a version that is gone: %v", err)
	}
	list, err := f.Pools(t.Context(), core.LocalUser)
	if err != nil || len(list) != 2 || list[0].Provider != "anthropic" || list[1].Namespace != "team" || list[1].Strategy != core.Sticky {
		t.Errorf("%+v, %v", list, err)
	}
	if others, err := f.Pools(t.Context(), admin); err != nil || len(others) != 0 {
		t.Errorf("the organisation has %+v, %v", others, err)
	}
	if got := f.Acts(t); got[len(got)-2] != "pool.update pool:anthropic/default ok" || got[len(got)-1] != "pool.update pool:anthropic/default failed" {
		t.Errorf("trail %q", got)
	}
}

func TestPoolUpdateRefuses(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	f.add(t, "anthropic/b")
	for what, e := range map[string]account.PoolEdit{
		"nothing":  {},
		"strategy": {Strategy: to(core.Strategy("random"))},
		"missing":  {Accounts: &[]string{"a"}},
		"unknown":  {Accounts: &[]string{"a", "b", "x"}},
		"twice":    {Accounts: &[]string{"a", "b", "a"}},
		"none":     {Accounts: &[]string{}},
	} {
		_, err := f.UpdatePool(t.Context(), core.LocalUser, "anthropic", "", e, 0)
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Hint == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := f.UpdatePool(t.Context(), core.LocalUser, "openai", "", account.PoolEdit{AllowAmbiguous: to(true)}, 0)
	wantCode(t, err, core.NotFound, "openai/default")
	_, err = f.UpdatePool(t.Context(), core.LocalUser, "../x", "", account.PoolEdit{AllowAmbiguous: to(true)}, 0)
	wantCode(t, err, core.Invalid, "provider")
}

// A client that holds a pool's version learns of every change that the pool
// shows: a version that stays says that nothing changed.
func TestPoolVersionTellsWhatItShows(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"a", "b", "c"} {
		f.add(t, "anthropic/"+n)
	}
	f.add(t, "anthropic/team/z")
	for _, c := range []struct {
		what  string
		step  func()
		shows string
	}{
		{"added", func() { f.add(t, "anthropic/d") }, "[a b c d]"},
		{"moved", func() { f.update(t, "anthropic/b", account.Edit{Position: to(0)}) }, "[b a c d]"},
		{"renamed", func() { f.update(t, "anthropic/a", account.Edit{Label: to("e")}) }, "[b e c d]"},
		{"left", func() { f.update(t, "anthropic/b", account.Edit{Namespace: to("team")}) }, "[e c d]"},
		{"came", func() { f.update(t, "anthropic/team/z", account.Edit{Namespace: to("default")}) }, "[e c d z]"},
		{"removed", func() { _ = f.Delete(t.Context(), core.LocalUser, ref(t, "anthropic/c"), 0) }, "[e d z]"},
		{"switched off", func() { f.update(t, "anthropic/e", account.Edit{Enabled: to(false)}) }, "[e d z]"},
	} {
		before := f.pool(t, core.LocalUser, "anthropic", "")
		c.step()
		after := f.pool(t, core.LocalUser, "anthropic", "")
		if got := fmt.Sprint(after.Accounts); got != c.shows || (after.Version > before.Version) != (got != fmt.Sprint(before.Accounts)) {
			t.Errorf("%s: %v to %v, version %d to %d", c.what, before.Accounts, after.Accounts, before.Version, after.Version)
		}
	}
}

// On a server a user pointed an account at the server's own network, with a key
// that did not matter: only where the requests went did.
func TestBaseURLsOfAServer(t *testing.T) {
	k := guardtest.New(t)
	rules, err := upstream.Parse([]string{"models.internal"})
	if err != nil {
		t.Fatal(err)
	}
	s := account.New(k.Guard, k.Keys, builtin.Registry(), nil, rules)
	add := func(label, base string) error {
		_, err := s.Add(t.Context(), core.LocalUser, account.NewAccount{
			Provider: "openai", Label: label, Key: secret.FromString(testKey), BaseURL: base,
		})
		return err
	}
	for _, base := range []string{"https://169.254.169.254/v1", "http://127.0.0.1:8080", "https://localhost/v1", "https://[::ffff:10.0.0.1]/v1"} {
		if e, ok := add("x", base).(*core.Error); !ok || e.Reason != "upstream_refused" || e.Field != "base_url" {
			t.Errorf("%s: %v", base, e)
		}
	}
	if err := add("public", ""); err != nil {
		t.Error(err)
	}
	if err := add("listed", "https://models.internal/v1"); err != nil {
		t.Error(err)
	}
	r := account.Ref{Provider: "openai", Label: "public"}
	_, err = s.Update(t.Context(), core.LocalUser, r, account.Edit{BaseURL: to("https://10.0.0.1/v1"), Key: to(secret.FromString(testKey))}, 0)
	if e, ok := err.(*core.Error); !ok || e.Reason != "upstream_refused" {
		t.Errorf("pointed elsewhere: %v", err)
	}
	k.Verify(t)
}
