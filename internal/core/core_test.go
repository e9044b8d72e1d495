package core_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
)

func TestTokenForm(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		s := string(core.NewToken(core.GatewayKeyPrefix).Reveal())
		if seen[s] {
			t.Fatal("a token came twice")
		}
		seen[s] = true
		if !core.IsToken(s, core.GatewayKeyPrefix) {
			t.Fatal("a fresh token is not well-formed")
		}
		if core.IsToken(s, core.SessionKeyPrefix) {
			t.Fatal("a gateway key passes as a session key")
		}
	}
}

func TestTokenChecksumFindsEveryChangedCharacter(t *testing.T) {
	s := string(core.NewToken(core.SessionKeyPrefix).Reveal())
	for i := range s {
		other := byte('a')
		if s[i] == 'a' {
			other = 'b'
		}
		if core.IsToken(s[:i]+string(other)+s[i+1:], core.SessionKeyPrefix) {
			t.Errorf("a change at %d is not found", i)
		}
	}
	for _, bad := range []string{"", "kfs_", s[1:], s + "a", s[:len(s)-1]} {
		if core.IsToken(bad, core.SessionKeyPrefix) {
			t.Errorf("%d characters pass as a token", len(bad))
		}
	}
}

func TestErrorMatchesByCode(t *testing.T) {
	err := fmt.Errorf("read it: %w", core.Errorf(core.NotFound, "no secret X").WithReason("gone"))
	for target, want := range map[*core.Error]bool{
		{Code: core.NotFound}:                  true,
		{Code: core.NotFound, Reason: "gone"}:  true,
		{Code: core.NotFound, Reason: "other"}: false,
		{Code: core.Conflict}:                  false,
	} {
		if errors.Is(err, target) != want {
			t.Errorf("errors.Is(%v, %+v) is not %v", err, target, want)
		}
	}
	if core.CodeOf(err) != core.NotFound || core.CodeOf(errors.New("x")) != core.Internal || core.CodeOf(nil) != "" {
		t.Error("CodeOf is wrong")
	}
}

func TestSelector(t *testing.T) {
	sel, err := core.ParseSelector("team=web, tier=a.b/c")
	if err != nil {
		t.Fatal(err)
	}
	if sel.String() != "team=web,tier=a.b/c" {
		t.Errorf("got %s", sel)
	}
	labels := map[string]string{"team": "web", "tier": "a.b/c", "more": "x"}
	if !sel.Matches(labels) || sel.Matches(map[string]string{"team": "web"}) || !core.Selector(nil).Matches(nil) {
		t.Error("Matches is wrong")
	}
	for _, bad := range []string{"team", "=x", "team=", "a=b,a=c", "a b=c", "a=b=c", "é=x", "-a=b", "a=b,"} {
		if _, err := core.ParseSelector(bad); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q passes: %v", bad, err)
		}
	}
}

func TestSelectorTextRoundTrips(t *testing.T) {
	word := rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9._/-]{0,10}[A-Za-z0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		want := core.Selector(rapid.MapOfN(word, word, 1, 6).Draw(t, "selector"))
		got, err := core.ParseSelector(want.String())
		if err != nil || got.String() != want.String() {
			t.Fatalf("%s became %s, %v", want, got, err)
		}
	})
}

func TestOwnerTextRoundTrips(t *testing.T) {
	got, err := core.ParseOwner(core.Local.String())
	if err != nil || got != core.Local {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "user", "user:", "robot:x"} {
		if _, err := core.ParseOwner(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestAccountRef(t *testing.T) {
	a := core.Account{Provider: "anthropic", Namespace: core.DefaultNamespace, Label: "work"}
	b := core.Account{Provider: "anthropic", Namespace: "team", Label: "work"}
	if a.Ref() != "anthropic/work" || b.Ref() != "anthropic/team/work" {
		t.Errorf("got %s and %s", a.Ref(), b.Ref())
	}
}

func TestIDsDiffer(t *testing.T) {
	a, b := core.NewID("sec"), core.NewID("sec")
	if a == b || !strings.HasPrefix(a, "sec_") || len(a) != len("sec_")+26 {
		t.Errorf("got %s and %s", a, b)
	}
}

// A secret was called by one character that nobody sees, and another turned the
// text behind it: on the page that asks whether to reveal it, it could pass for
// nothing, or for another.
func TestNamesThatCannotBeSeen(t *testing.T) {
	for name, shown := range map[string]string{
		"NPM_TOKEN": "NPM_TOKEN", "kube config": "kube config", "Schlüssel": "Schlüssel", "e\u0301": "e\u0301", "鍵": "鍵", "🔑": "🔑",
		"\u200b": `\u200b`, "a\u202eb": `a\u202eb`, "\ufeffa": `\ufeffa`, "a\u2028b": `a\u2028b`, "a\u00a0b": `a\u00a0b`,
		"\u3164": `\u3164`, "a\ufe0f": `a\ufe0f`, "\u2800": `\u2800`, "a\u2066b\u2069": `a\u2066b\u2069`, "a\U000e0041": `a\U000e0041`,
	} {
		if got := core.Shown(name); got != shown {
			t.Errorf("%+q is shown as %q, want %q", name, got, shown)
		}
		if err := core.CheckName("secret", name); err != nil {
			t.Errorf("%+q, which may be there already, is refused: %v", name, err)
		}
		err := core.CheckNewName("secret", name)
		if good := name == shown; good != (err == nil) || !good && core.CodeOf(err) != core.Invalid {
			t.Errorf("a new %+q: %v", name, err)
		}
	}
	if core.CheckNewName("secret", "a/b") == nil || core.CheckNewName("secret", "") == nil {
		t.Error("a new name is held to less than one that is there")
	}
}
