package vault_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

// fixture is a vault over a real store in a file.
type fixture struct {
	*vault.Vault
	guardtest.Kit
}

func newFixture(t *testing.T, l vault.Limits) fixture {
	t.Helper()
	k := guardtest.New(t)
	return fixture{vault.New(k.Guard, k.Keys, l, nil), k}
}

func (f fixture) create(t *testing.T, n vault.NewSecret) core.Secret {
	t.Helper()
	if n.Value.IsZero() {
		n.Value = secret.FromString("value of " + n.Name)
	}
	if n.Env == "" && n.File == "" {
		n.Lookup = true
	}
	s, _, err := f.Create(t.Context(), core.LocalUser, n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f fixture) value(t *testing.T, name string) string {
	t.Helper()
	_, v, err := f.Reveal(t.Context(), core.LocalUser, name, vault.Proof{Confirm: name})
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Reveal())
}

var wantCode = guardtest.WantCode

func TestSecretsLife(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	made := f.create(t, vault.NewSecret{
		Name: "A", Description: "d", Env: "A_TOKEN", File: "~/a", Lookup: true,
		Value: secret.New([]byte("first\n\xff")), Selector: core.Selector{"team": "web"},
	})
	got, err := f.Get(t.Context(), core.LocalUser, "A")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Error("stored differs from made: " + diff)
	}
	if !got.Enabled || got.Size != 7 || got.Version != 1 || got.ValueVersion != 1 {
		t.Errorf("made %+v", got)
	}
	if v := f.value(t, "A"); v != "first\n\xff" {
		t.Errorf("value %q", v)
	}
	second, env := secret.FromString("second"), "B_TOKEN"
	next, _, err := f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Value: &second, Env: &env}, 1)
	if err != nil || next.Version != 2 || next.ValueVersion != 2 || next.Size != 6 || next.Env != env || next.File != "~/a" {
		t.Fatalf("updated %+v, %v", next, err)
	}
	if v := f.value(t, "A"); v != "second" {
		t.Errorf("value %q", v)
	}
	f.Verify(t)
	if err := f.Delete(t.Context(), core.LocalUser, "A", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), core.LocalUser, "A"); core.CodeOf(err) != core.NotFound {
		t.Errorf("after its end: %v", err)
	}
	f.Verify(t)
	want := []string{
		"secret.create secret:A ok", "secret.reveal secret:A attempt", "secret.reveal secret:A ok", "secret.update secret:A ok",
		"secret.reveal secret:A attempt", "secret.reveal secret:A ok", "secret.delete secret:A ok",
	}
	if diff := cmp.Diff(want, f.Acts(t)); diff != "" {
		t.Error(diff)
	}
}

func TestEditOfTheRestKeepsTheValue(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	text, off := "new", false
	next, _, err := f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Description: &text, Enabled: &off}, 0)
	if err != nil || next.ValueVersion != 1 || next.Version != 2 {
		t.Fatalf("%+v, %v", next, err)
	}
	if v := f.value(t, "A"); v != "value of A" {
		t.Errorf("value %q", v)
	}
	f.Verify(t)
}

func TestFailedActsAreRecorded(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	_, _, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "A", Env: "X", Value: secret.FromString("v")})
	wantCode(t, err, core.Conflict, `"A" already`)
	text := "x"
	_, _, err = f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Description: &text}, 7)
	wantCode(t, err, core.Conflict, "version 1 by now, not 7")
	_, _, err = f.Update(t.Context(), core.LocalUser, "B", vault.Edit{Description: &text}, 0)
	wantCode(t, err, core.NotFound, `no secret "B"`)
	wantCode(t, f.Delete(t.Context(), core.LocalUser, "B", 0), core.NotFound, `no secret "B"`)
	_, _, err = f.Reveal(t.Context(), core.LocalUser, "B", vault.Proof{Confirm: "B"})
	wantCode(t, err, core.NotFound, `no secret "B"`)
	_, v, err := f.Reveal(t.Context(), core.LocalUser, "A", vault.Proof{Confirm: "a"})
	wantCode(t, err, core.Forbidden, "confirmed")
	if !v.IsZero() {
		t.Error("a value without a confirmation")
	}
	want := []string{
		"secret.create secret:A ok", "secret.create secret:A failed", "secret.update secret:A failed", "secret.update secret:B failed",
		"secret.delete secret:B failed", "secret.reveal secret:B attempt", "secret.reveal secret:B failed",
		"secret.reveal secret:A attempt", "secret.reveal secret:A failed",
	}
	if diff := cmp.Diff(want, f.Acts(t)); diff != "" {
		t.Error(diff)
	}
	f.Verify(t)
}

func TestNobodyElseGetsAtSecrets(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	for _, kind := range []core.ActorKind{core.WorkspaceActor, core.GatewayActor, core.SystemActor} {
		actor := core.Actor{Kind: kind, ID: "x", Owner: core.Local}
		text := "x"
		_, _, create := f.Create(t.Context(), actor, vault.NewSecret{Name: "B", Env: "B", Value: secret.FromString("v")})
		_, _, update := f.Update(t.Context(), actor, "A", vault.Edit{Description: &text}, 0)
		_, _, reveal := f.Reveal(t.Context(), actor, "A", vault.Proof{Confirm: "A"})
		_, get := f.Get(t.Context(), actor, "A")
		_, list := f.List(t.Context(), actor, store.Page{})
		_, imported := f.Import(t.Context(), actor, vault.Import{Format: "env", Content: secret.FromString("B=1"), Env: true})
		_, dry := f.Import(t.Context(), actor, vault.Import{Format: "env", Content: secret.FromString("B=1"), Env: true, DryRun: true})
		for name, err := range map[string]error{
			"create": create, "update": update, "reveal": reveal, "get": get, "list": list, "import": imported, "dry run": dry,
			"delete": f.Delete(t.Context(), actor, "A", 0),
		} {
			if core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %s gives %v", kind, name, err)
			}
		}
	}
}

func TestOwnersAreApart(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	other := core.Actor{Kind: core.UserActor, ID: "eve", Owner: core.Owner{Kind: core.UserOwner, ID: "eve"}, Scopes: core.AllScopes}
	if _, _, err := f.Reveal(t.Context(), other, "A", vault.Proof{Confirm: "A"}); core.CodeOf(err) != core.NotFound {
		t.Errorf("another's secret: %v", err)
	}
	if list, err := f.List(t.Context(), other, store.Page{}); err != nil || len(list) > 0 {
		t.Errorf("another's list %v, %v", list, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	ok := vault.NewSecret{Name: "A", Env: "A", Value: secret.FromString("v")}
	for name, c := range map[string]struct {
		edit func(*vault.NewSecret)
		want string
	}{
		"name":        {func(n *vault.NewSecret) { n.Name = "a/b" }, "name of the secret"},
		"no delivery": {func(n *vault.NewSecret) { n.Env = "" }, "reach no workspace"},
		"reserved":    {func(n *vault.NewSecret) { n.Env = "PATH" }, "reserved"},
		"path":        {func(n *vault.NewSecret) { n.File = "x" }, "the path"},
		"empty":       {func(n *vault.NewSecret) { n.Value = secret.Secret{} }, "empty"},
		"NUL":         {func(n *vault.NewSecret) { n.Value = secret.FromString("a\x00") }, "NUL"},
		"selector":    {func(n *vault.NewSecret) { n.Selector = core.Selector{"a b": "c"} }, "not a label"},
		"description": {func(n *vault.NewSecret) { n.Description = strings.Repeat("d", 4097) }, "description"},
	} {
		n := ok
		c.edit(&n)
		_, _, err := f.Create(t.Context(), core.LocalUser, n)
		if e, is := err.(*core.Error); !is || e.Code != core.Invalid || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if got := f.Acts(t); len(got) > 0 {
		t.Errorf("what cannot be left entries: %q", got)
	}
	ok.Env, ok.Disabled = "", true
	if _, _, err := f.Create(t.Context(), core.LocalUser, ok); err != nil {
		t.Errorf("a disabled secret needs no delivery: %v", err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	f := newFixture(t, vault.Limits{EnvBytes: 10})
	f.create(t, vault.NewSecret{Name: "A", Env: "A", Value: secret.FromString("v")})
	f.create(t, vault.NewSecret{Name: "long", File: "/l", Value: secret.FromString("longer than ten")})
	empty, env, long, zero := "", "LONG", secret.FromString("longer than ten"), secret.Secret{}
	_, _, err := f.Update(t.Context(), core.LocalUser, "A", vault.Edit{}, 0)
	wantCode(t, err, core.Invalid, "nothing to change")
	_, _, err = f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Env: &empty}, 0)
	wantCode(t, err, core.Invalid, "reach no workspace")
	_, _, err = f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Value: &long}, 0)
	wantCode(t, err, core.Invalid, "a variable takes at most 10")
	_, _, err = f.Update(t.Context(), core.LocalUser, "long", vault.Edit{Env: &env}, 0)
	wantCode(t, err, core.Invalid, "a variable takes at most 10")
	_, _, err = f.Update(t.Context(), core.LocalUser, "A", vault.Edit{Value: &zero}, 0)
	wantCode(t, err, core.Invalid, "empty")
	if v := f.value(t, "A"); v != "v" {
		t.Errorf("value %q", v)
	}
	f.Verify(t)
}

func TestLimits(t *testing.T) {
	f := newFixture(t, vault.Limits{Secrets: 3, EnvTotal: 10})
	six := secret.FromString("123456")
	f.create(t, vault.NewSecret{Name: "A", Env: "A", Value: six})
	_, _, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "B", Env: "B", Value: six})
	wantCode(t, err, core.Exhausted, "12 bytes")
	f.create(t, vault.NewSecret{Name: "B", File: "/b", Value: six})
	env := "B"
	_, _, err = f.Update(t.Context(), core.LocalUser, "B", vault.Edit{Env: &env}, 0)
	wantCode(t, err, core.Exhausted, "12 bytes")
	f.create(t, vault.NewSecret{Name: "C", Env: "C", Value: six, Disabled: true})
	on := true
	_, _, err = f.Update(t.Context(), core.LocalUser, "C", vault.Edit{Enabled: &on}, 0)
	wantCode(t, err, core.Exhausted, "12 bytes")
	_, _, err = f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "D", File: "/d", Value: six})
	wantCode(t, err, core.Exhausted, "4 secrets")
	full := newFixture(t, vault.Limits{TotalBytes: 10})
	full.create(t, vault.NewSecret{Name: "A", File: "/a", Value: six})
	_, _, err = full.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "B", File: "/b", Value: six})
	wantCode(t, err, core.Exhausted, "12 bytes, all together")
	// Under limits that were lowered meanwhile, what there is can still be changed.
	low := vault.New(f.Guard, keysOf(t), vault.Limits{Secrets: 1, EnvTotal: 1}, nil)
	text := "still"
	if _, _, err := low.Update(t.Context(), core.LocalUser, "A", vault.Edit{Description: &text}, 0); err != nil {
		t.Errorf("edit under lowered limits: %v", err)
	}
}

// keysOf is some other vault's keys.
func keysOf(t *testing.T) *seal.Keys {
	t.Helper()
	root, err := seal.NewRootKey(secret.New(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewKeys(root)
}

func TestWarnings(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "old", Env: "TOKEN", File: "~/x"})
	_, warnings, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "new", Env: "TOKEN", File: "/root/x", Value: secret.FromString("v")})
	if err != nil || len(warnings) != 2 {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	env := "OTHER"
	_, warnings, err = f.Update(t.Context(), core.LocalUser, "new", vault.Edit{Env: &env}, 0)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "likely the same file") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
}

// Of several writers that saw one version, exactly one is not told of a
// conflict.
func TestConcurrentWritersOneConflict(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	won := guardtest.Many(t, core.Conflict, "stale", func(i int) error {
		v := secret.FromString(fmt.Sprint("value ", i))
		_, _, err := f.Update(context.Background(), core.LocalUser, "A", vault.Edit{Value: &v}, 1)
		return err
	})
	if won != 1 {
		t.Errorf("%d won", won)
	}
	f.Verify(t)
}

func TestSwappedRowsNeverOpen(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	f.create(t, vault.NewSecret{Name: "B", Env: "B"})
	f.Tamper(t, `UPDATE secret SET ciphertext = (SELECT ciphertext FROM secret WHERE name = 'B') WHERE name = 'A'`)
	_, v, err := f.Reveal(t.Context(), core.LocalUser, "A", vault.Proof{Confirm: "A"})
	if core.CodeOf(err) != core.Internal || !v.IsZero() {
		t.Errorf("a swapped row gives %v", err)
	}
	if got := f.value(t, "B"); got != "value of B" {
		t.Errorf("the other row gives %q", got)
	}
}

// A name that cannot be seen is not given any more; the secret that has one from
// before is found, changed and removed by it.
func TestANameThatCannotBeSeen(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	in := vault.NewSecret{Name: "\u200b", Lookup: true, Value: secret.FromString("v")}
	if _, _, err := f.Create(t.Context(), core.LocalUser, in); core.CodeOf(err) != core.Invalid {
		t.Errorf("a new one: %v", err)
	}
	in.Name = "seen"
	if _, _, err := f.Create(t.Context(), core.LocalUser, in); err != nil {
		t.Errorf("one that is seen: %v", err)
	}
	if err := vault.CheckName("\u200b"); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := f.Delete(t.Context(), core.LocalUser, "\u200b", 0); core.CodeOf(err) != core.NotFound {
		t.Errorf("it is not looked for: %v", err)
	}
}
