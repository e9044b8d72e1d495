package account_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

func TestAnotherOriginNeedsTheKeyAgain(t *testing.T) {
	f := newFixture(t)
	f.add(t, "openai/work")
	_, err := f.Update(t.Context(), core.LocalUser, ref(t, "openai/work"), account.Edit{BaseURL: to("https://evil.example/v1")}, 0)
	wantCode(t, err, core.Invalid, "bound to https://api.openai.com:443")
	if k := f.key(t, "openai/work"); k != testKey {
		t.Errorf("key %q", k)
	}
	same := f.update(t, "openai/work", account.Edit{BaseURL: to("https://api.openai.com/v2")})
	if same.ValueVersion != 1 || same.BaseURL != "https://api.openai.com/v2" || f.key(t, "openai/work") != testKey {
		t.Errorf("another path of the same origin: %+v", same)
	}
	next := f.update(t, "openai/work", account.Edit{BaseURL: to("https://other.example/v1"), Key: to(secret.FromString("another-key-0123456789"))})
	if next.ValueVersion != 2 || next.Fingerprint != "6789" || f.key(t, "openai/work") != "another-key-0123456789" {
		t.Errorf("with the key: %+v", next)
	}
	_, err = f.Update(t.Context(), core.LocalUser, ref(t, "openai/work"), account.Edit{BaseURL: to("")}, 0)
	wantCode(t, err, core.Invalid, "bound to https://other.example:443")
}

func TestUpdateRefuses(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	f.add(t, "anthropic/b")
	f.add(t, "anthropic/team/a")
	for name, c := range map[string]struct {
		edit account.Edit
		code core.Code
		want string
	}{
		"nothing":     {account.Edit{}, core.Invalid, "nothing to change"},
		"position":    {account.Edit{Position: to(-1)}, core.Invalid, "below 0"},
		"label":       {account.Edit{Label: to("")}, core.Invalid, "label"},
		"namespace":   {account.Edit{Namespace: to("")}, core.Invalid, "namespace"},
		"quota group": {account.Edit{QuotaGroup: to("/")}, core.Invalid, "quota group"},
		"key":         {account.Edit{Key: to(secret.FromString("a\nb"))}, core.Invalid, "line break"},
		"base URL":    {account.Edit{BaseURL: to("ftp://x")}, core.Invalid, "scheme"},
		"label taken": {account.Edit{Label: to("b")}, core.Conflict, "anthropic/b already"},
		"name taken":  {account.Edit{Namespace: to("team")}, core.Conflict, "anthropic/team/a already"},
	} {
		_, err := f.Update(t.Context(), core.LocalUser, ref(t, "anthropic/a"), c.edit, 0)
		if e, ok := err.(*core.Error); !ok || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	_, err := f.Update(t.Context(), core.LocalUser, ref(t, "anthropic/x"), account.Edit{Enabled: to(false)}, 0)
	wantCode(t, err, core.NotFound, "no account anthropic/x")
	if got, want := f.pools(t), "anthropic/a 0, anthropic/b 1, anthropic/team/a 0"; got != want {
		t.Errorf("after refusals: %s", got)
	}
}

func TestPositions(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"a", "b", "c", "d"} {
		f.add(t, "anthropic/"+n)
	}
	f.add(t, "openai/z")
	steps := []struct {
		name string
		edit account.Edit
		want string
	}{
		{"anthropic/d", account.Edit{Position: to(0)}, "anthropic/d 0, anthropic/a 1, anthropic/b 2, anthropic/c 3, openai/z 0"},
		{"anthropic/d", account.Edit{Position: to(2)}, "anthropic/a 0, anthropic/b 1, anthropic/d 2, anthropic/c 3, openai/z 0"},
		{"anthropic/a", account.Edit{Position: to(99)}, "anthropic/b 0, anthropic/d 1, anthropic/c 2, anthropic/a 3, openai/z 0"},
		{"anthropic/d", account.Edit{Namespace: to("n")}, "anthropic/b 0, anthropic/c 1, anthropic/a 2, anthropic/n/d 0, openai/z 0"},
		{"anthropic/a", account.Edit{Namespace: to("n"), Position: to(0)}, "anthropic/b 0, anthropic/c 1, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"},
		{"anthropic/c", account.Edit{Label: to("e")}, "anthropic/b 0, anthropic/e 1, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"},
	}
	for _, s := range steps {
		f.update(t, s.name, s.edit)
		if got := f.pools(t); got != s.want {
			t.Fatalf("%s %+v gives\n%s, want\n%s", s.name, s.edit, got, s.want)
		}
	}
	if err := f.Delete(t.Context(), core.LocalUser, ref(t, "anthropic/b"), 0); err != nil {
		t.Fatal(err)
	}
	if got, want := f.pools(t), "anthropic/e 0, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"; got != want {
		t.Errorf("after a removal: %s", got)
	}
}

// Whatever is done, each pool is numbered from 0 without gaps. Each case has an
// owner of its own in one store.
func TestPositionsStayDense(t *testing.T) {
	f := newFixture(t)
	names := []string{"anthropic/a", "anthropic/b", "anthropic/c", "anthropic/n/a", "anthropic/n/b"}
	cases := 0
	rapid.Check(t, func(rt *rapid.T) {
		cases++
		owner := core.Owner{Kind: core.UserOwner, ID: fmt.Sprint("u", cases)}
		actor := core.Actor{Kind: core.UserActor, ID: owner.ID, Owner: owner, Scopes: core.AllScopes}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			f.step(rt, actor, ref(t, rapid.SampledFrom(names).Draw(rt, "name")), ref(t, rapid.SampledFrom(names).Draw(rt, "to")))
		}
		list, _, err := f.List(t.Context(), actor, store.Page{})
		if err != nil {
			rt.Fatal(err)
		}
		next := map[string]int{}
		for _, a := range list {
			if a.Position != next[a.Namespace] {
				rt.Fatalf("%s has position %d, want %d", a.Ref(), a.Position, next[a.Namespace])
			}
			next[a.Namespace]++
		}
	})
}

// step does something to an account, which may not be there.
func (f fixture) step(rt *rapid.T, actor core.Actor, n, target account.Ref) {
	ctx := context.Background()
	switch rapid.IntRange(0, 4).Draw(rt, "step") {
	case 0, 1:
		_, _ = f.Add(ctx, actor, account.NewAccount{Provider: n.Provider, Namespace: n.Namespace, Label: n.Label, Key: secret.FromString(testKey)})
	case 2:
		_ = f.Delete(ctx, actor, n, 0)
	case 3:
		_, _ = f.Update(ctx, actor, n, account.Edit{Position: to(rapid.IntRange(0, 4).Draw(rt, "position"))}, 0)
	case 4:
		_, _ = f.Update(ctx, actor, n, account.Edit{Namespace: &target.Namespace, Label: &target.Label}, 0)
	}
}

func TestEveryWriteAddsAVersion(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	f.add(t, "anthropic/b")
	if b := f.update(t, "anthropic/b", account.Edit{Position: to(0)}); b.Version != 2 {
		t.Errorf("%+v", b)
	}
	if a, _, err := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/a")); err != nil || a.Version != 2 || a.Position != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestConcurrentEditsOneConflict(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	won := guardtest.Many(t, core.Conflict, "stale", func(i int) error {
		_, err := f.Update(context.Background(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "a"}, account.Edit{QuotaGroup: to(fmt.Sprint("g", i))}, 1)
		return err
	})
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestClearAndReplaceEndWhatIsHeld(t *testing.T) {
	f := newFixture(t)
	a := f.add(t, "anthropic/a")
	f.mark(t, a, "limited")
	if h := f.health(t, "anthropic/a"); len(h) != 1 || h[0].Kind != "limited" {
		t.Fatalf("health %+v", h)
	}
	if err := f.Clear(t.Context(), core.LocalUser, ref(t, "anthropic/a"), 0); err != nil {
		t.Fatal(err)
	}
	if h := f.health(t, "anthropic/a"); len(h) > 0 {
		t.Errorf("after clear: %+v", h)
	}
	f.mark(t, a, "dead") // late news of the old epoch
	if h := f.health(t, "anthropic/a"); len(h) > 0 {
		t.Errorf("news of an old epoch counts: %+v", h)
	}
	a.Epoch = 1
	f.mark(t, a, "dead")
	got := f.update(t, "anthropic/a", account.Edit{Key: to(secret.FromString(testKey + "2"))})
	if h := f.health(t, "anthropic/a"); len(h) > 0 || got.Epoch != 2 {
		t.Errorf("after a new key: %+v, epoch %d", h, got.Epoch)
	}
	if stored, _, _ := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/a")); stored.Epoch != got.Epoch {
		t.Errorf("stored epoch %d, told %d", stored.Epoch, got.Epoch)
	}
}
