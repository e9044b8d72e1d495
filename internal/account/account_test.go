package account_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// What could be taken for another account, or leave its place in a path, is no
// name.
func TestPartsThatAreRefused(t *testing.T) {
	f := newFixture(t)
	for _, bad := range []string{"", " ", "b c", "-b", "..", "a/b", "é", "a\x00", strings.Repeat("x", 65)} {
		for _, r := range []account.Ref{{Provider: "openai", Namespace: "n", Label: bad}, {Provider: "openai", Namespace: bad, Label: "l"}} {
			if bad == "" && r.Namespace == "" {
				continue // "" is the default namespace
			}
			n := account.NewAccount{Provider: r.Provider, Namespace: r.Namespace, Label: r.Label, Key: secret.FromString(testKey)}
			if _, err := f.Add(t.Context(), core.LocalUser, n); core.CodeOf(err) != core.Invalid {
				t.Errorf("%+v gives %v", r, err)
			}
		}
	}
}

func TestAccountsLife(t *testing.T) {
	f := newFixture(t)
	a := f.add(t, "anthropic/work")
	got, health, err := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/work"))
	if err != nil || len(health) > 0 {
		t.Fatal(health, err)
	}
	if diff := cmp.Diff(a, got); diff != "" {
		t.Error("stored differs from added: " + diff)
	}
	if a.BaseURL != "https://api.anthropic.com" || a.Fingerprint != "cdef" || !a.Enabled || a.Kind != core.APIKey {
		t.Errorf("added %+v", a)
	}
	if k := f.key(t, "anthropic/work"); k != testKey {
		t.Errorf("key %q", k)
	}
	moved := f.update(t, "anthropic/work", account.Edit{Label: to("home"), Namespace: to("team"), QuotaGroup: to("g"), Enabled: to(false)})
	if moved.Ref() != "anthropic/team/home" || moved.QuotaGroup != "g" || moved.Enabled || moved.Version != 2 || moved.ValueVersion != 1 {
		t.Errorf("moved %+v", moved)
	}
	if k := f.key(t, "anthropic/team/home"); k != testKey {
		t.Errorf("key %q", k)
	}
	f.Verify(t)
	if err := f.Delete(t.Context(), core.LocalUser, ref(t, "anthropic/team/home"), 0); err != nil {
		t.Fatal(err)
	}
	if p := f.pools(t); p != "" {
		t.Errorf("left %s", p)
	}
	f.Verify(t)
	want := []string{"account.add account:anthropic/work ok", "account.update account:anthropic/work ok", "account.delete account:anthropic/team/home ok"}
	if diff := cmp.Diff(want, f.Acts(t)); diff != "" {
		t.Error(diff)
	}
}

func TestAddRefuses(t *testing.T) {
	f := newFixture(t)
	ok := account.NewAccount{Provider: "anthropic", Label: "work", Key: secret.FromString(testKey)}
	for name, c := range map[string]struct {
		edit func(*account.NewAccount)
		want string
	}{
		"provider":         {func(n *account.NewAccount) { n.Provider = "nobody" }, "unknown provider"},
		"label":            {func(n *account.NewAccount) { n.Label = "a/b" }, "cannot be the label"},
		"no label":         {func(n *account.NewAccount) { n.Label = "" }, "cannot be the label"},
		"namespace":        {func(n *account.NewAccount) { n.Namespace = "a b" }, "cannot be the namespace"},
		"quota group":      {func(n *account.NewAccount) { n.QuotaGroup = "a b" }, "cannot be the quota group"},
		"key":              {func(n *account.NewAccount) { n.Key = secret.Secret{} }, "key is empty"},
		"base URL":         {func(n *account.NewAccount) { n.BaseURL = "http://example.com" }, "http"},
		"base URL missing": {func(n *account.NewAccount) { n.Provider = "openai-compatible" }, "needs a base URL"},
	} {
		n := ok
		c.edit(&n)
		_, err := f.Add(t.Context(), core.LocalUser, n)
		wantCode(t, err, core.Invalid, c.want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if got := f.Acts(t); len(got) > 0 {
		t.Errorf("what cannot be left entries: %q", got)
	}
	f.add(t, "anthropic/work")
	_, err := f.Add(t.Context(), core.LocalUser, ok)
	wantCode(t, err, core.Conflict, "anthropic/work already")
	if got := f.Acts(t); got[1] != "account.add account:anthropic/work failed" {
		t.Errorf("trail %q", got)
	}
}

func TestShortKeysHaveNoFingerprint(t *testing.T) {
	f := newFixture(t)
	for n, want := range map[int]string{19: "", 20: "xxxx"} {
		a, err := f.Add(t.Context(), core.LocalUser, account.NewAccount{
			Provider: "anthropic", Label: fmt.Sprint("l", n), Key: secret.FromString(strings.Repeat("x", n)),
		})
		if err != nil || a.Fingerprint != want {
			t.Errorf("%d characters: %q, %v", n, a.Fingerprint, err)
		}
	}
}

func TestNobodyElseGetsAtAccounts(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	for _, kind := range []core.ActorKind{core.WorkspaceActor, core.GatewayActor, core.SystemActor} {
		actor, r := core.Actor{Kind: kind, ID: "x", Owner: core.Local}, ref(t, "anthropic/a")
		_, add := f.Add(t.Context(), actor, account.NewAccount{Provider: "anthropic", Label: "b", Key: secret.FromString(testKey)})
		_, update := f.Update(t.Context(), actor, r, account.Edit{Enabled: to(false)}, 0)
		_, _, get := f.Get(t.Context(), actor, r)
		_, _, list := f.List(t.Context(), actor, store.Page{})
		_, test := f.Test(t.Context(), actor, r)
		for name, err := range map[string]error{
			"add": add, "update": update, "get": get, "list": list, "test": test,
			"delete": f.Delete(t.Context(), actor, r, 0), "clear": f.Clear(t.Context(), actor, r, 0),
		} {
			if core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %s gives %v", kind, name, err)
			}
		}
	}
}
