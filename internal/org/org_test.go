package org_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/org"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
)

var admin = core.LocalUser.On(core.Org)

type fixture struct {
	guardtest.Kit
	*org.Orgs
	vault    *vault.Vault
	accounts *account.Accounts
}

func newFixture(t *testing.T, l vault.Limits) fixture {
	t.Helper()
	k := guardtest.New(t).Sound(t)
	f := fixture{Kit: k, vault: vault.New(k.Guard, k.Keys, l, nil), accounts: account.New(k.Guard, k.Keys, builtin.Registry(), nil, upstream.Rules{})}
	f.Orgs = org.New(k.Guard, f.vault, f.accounts)
	return f
}

// apply gives the changes as "create secret A", "update account x/y: key" and so
// on, and wants the trail to match the store afterwards.
func (f fixture) apply(t *testing.T, spec org.Spec, opt org.Options) []string {
	t.Helper()
	changes, err := f.Apply(t.Context(), admin, spec, opt)
	if err != nil {
		t.Fatalf("%v: %+v", err, err.(*core.Error).Details)
	}
	out := []string{}
	for _, c := range changes {
		one := fmt.Sprintf("%s %s %s", c.Action, c.Kind, c.Name)
		if len(c.Fields) > 0 {
			one += ": " + strings.Join(c.Fields, " ")
		}
		out = append(out, one)
	}
	f.Verify(t)
	return out
}

// state is everything of the organisation that is stored, with ciphertexts.
func (f fixture) state(t *testing.T) string {
	t.Helper()
	var out string
	err := f.Store.View(t.Context(), func(tx store.Tx) error {
		secrets, err := tx.Secrets().List(t.Context(), core.Org)
		if err != nil {
			return err
		}
		accounts, err := tx.Accounts().List(t.Context(), core.Org)
		out = fmt.Sprintf("%+v %+v", secrets, accounts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) trail(t *testing.T) []core.AuditEntry {
	t.Helper()
	return f.Trail(t, func(e core.AuditEntry) bool { return e.Action == guard.OrgApply })
}

func (f fixture) value(t *testing.T, name string) string {
	t.Helper()
	_, v, err := f.vault.Reveal(t.Context(), admin, name, vault.Proof{Confirm: name})
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Reveal())
}

func value(s string) *secret.Secret {
	v := secret.FromString(s)
	return &v
}

func key(s string) *secret.Secret { return value("sk-test-0123456789abcdef-" + s) }

func first() org.Spec {
	return org.Spec{
		Secrets: []vault.Wanted{
			{Name: "NPM", Env: "NPM_TOKEN", Value: value("one"), Selector: core.Selector{"team": "web"}},
			{Name: "CERT", File: "~/.config/tool/cert", Lookup: true, Value: value("two"), Description: "d"},
		},
		Accounts: []account.Wanted{
			{Provider: "anthropic", Label: "main", Key: key("a")},
			{Provider: "anthropic", Label: "spare", Key: key("b"), Limit: core.Limit{Requests: 10}},
		},
	}
}

func TestApply(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	all := []string{"create secret NPM", "create secret CERT", "create account anthropic/main", "create account anthropic/spare"}
	if diff := cmp.Diff(all, f.apply(t, first(), org.Options{})); diff != "" {
		t.Error(diff)
	}
	if f.value(t, "NPM") != "one" || f.value(t, "CERT") != "two" {
		t.Error("other values than those of the specification")
	}
	before := f.state(t)
	none := []string{"none secret NPM", "none secret CERT", "none account anthropic/main", "none account anthropic/spare"}
	if diff := cmp.Diff(none, f.apply(t, first(), org.Options{Prune: true})); diff != "" {
		t.Error("once more: " + diff)
	}
	kept := first()
	for i := range kept.Secrets {
		kept.Secrets[i].Value = nil
	}
	kept.Accounts[0].Key, kept.Accounts[1].Key = nil, nil
	if diff := cmp.Diff(none, f.apply(t, kept, org.Options{})); diff != "" {
		t.Error("without values: " + diff)
	}
	if f.state(t) != before {
		t.Error("what is as it is to be was written")
	}
}

func TestApplyChangesWhatDiffers(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.apply(t, first(), org.Options{})
	next := first()
	next.Secrets[0].Value = value("ONE")
	next.Secrets[0].Selector = nil
	next.Secrets[1] = vault.Wanted{Name: "CERT", File: "~/.config/tool/cert", Disabled: true}
	slices.Reverse(next.Accounts)
	next.Accounts[1].Key = key("c")
	want := []string{
		"update secret NPM: value selector", "update secret CERT: description enabled lookup",
		"update account anthropic/spare: position", "update account anthropic/main: position key",
	}
	for _, dry := range []bool{true, false} {
		before := f.state(t)
		if diff := cmp.Diff(want, f.apply(t, next, org.Options{DryRun: dry})); diff != "" {
			t.Errorf("dry run %v: %s", dry, diff)
		}
		if same := f.state(t) == before; same != dry {
			t.Errorf("dry run %v: written %v", dry, !same)
		}
	}
	if f.value(t, "NPM") != "ONE" || f.value(t, "CERT") != "two" {
		t.Error("other values than are to be")
	}
	list, _, err := f.accounts.List(t.Context(), admin, store.Page{})
	if err != nil || len(list) != 2 || list[0].Label != "spare" {
		t.Errorf("the pool is %+v, %v", list, err)
	}
}

func TestPrune(t *testing.T) {
	f := newFixture(t, vault.Limits{Secrets: 2})
	f.apply(t, first(), org.Options{})
	next := first()
	next.Secrets, next.Accounts = next.Secrets[1:], next.Accounts[1:]
	// What is not in the specification stays, behind the others of its pool.
	rest := []string{"none secret CERT", "update account anthropic/spare: position", "extra secret NPM", "extra account anthropic/main"}
	if diff := cmp.Diff(rest, f.apply(t, next, org.Options{})); diff != "" {
		t.Error(diff)
	}
	// In the place of what is removed there is room within the limit.
	next.Secrets = append(next.Secrets, vault.Wanted{Name: "NEW", Env: "NEW", Value: value("new")})
	_, err := f.Apply(t.Context(), admin, next, org.Options{})
	if core.CodeOf(err) != core.Exhausted {
		t.Errorf("three of two: %v", err)
	}
	want := []string{"none secret CERT", "create secret NEW", "none account anthropic/spare", "delete secret NPM", "delete account anthropic/main"}
	for _, dry := range []bool{true, false} {
		if diff := cmp.Diff(want, f.apply(t, next, org.Options{Prune: true, DryRun: dry})); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := f.vault.Get(t.Context(), admin, "NPM"); core.CodeOf(err) != core.NotFound {
		t.Errorf("removed: %v", err)
	}
	// What belongs to people stays, whatever the organisation's specification says.
	if _, _, err := f.vault.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "mine", Env: "MINE", Value: *value("m")}); err != nil {
		t.Fatal(err)
	}
	f.apply(t, org.Spec{}, org.Options{Prune: true})
	if _, err := f.vault.Get(t.Context(), core.LocalUser, "mine"); err != nil {
		t.Error(err)
	}
}

// Everything that cannot be is named at once, and nothing is done.
func TestApplyNamesAllThatIsWrong(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.apply(t, first(), org.Options{})
	before := f.state(t)
	spec := org.Spec{
		Secrets: []vault.Wanted{
			{Name: "fine", Env: "FINE", Value: value("v")},
			{Name: "shell", File: "~/.bashrc", Value: value("v")},
			{Name: "new", Env: "NEW"},
			{Name: "a/b", Env: "A", Value: value("v")},
			{Name: "NPM", Env: "PATH"},
			{Name: "none", Value: value("v")},
			{Name: "empty", Env: "E", Value: value("")},
			{Name: "label", Env: "L", Value: value("v"), Selector: core.Selector{"keyfob/x": "y"}},
			{Name: "fine", Env: "FINE", Value: value("v")},
		},
		Accounts: []account.Wanted{
			{Provider: "nobody", Label: "x", Key: key("a")},
			{Provider: "openai", Label: "new"},
		},
	}
	for _, dry := range []bool{false, true} {
		_, err := f.Apply(t.Context(), admin, spec, org.Options{DryRun: dry, Prune: true})
		e, ok := err.(*core.Error)
		if !ok || e.Code != core.Invalid || e.Hint == "" {
			t.Fatalf("%#v", err)
		}
		var got []string
		for _, d := range e.Details {
			got = append(got, d.Field)
		}
		want := []string{
			"secrets[1].file", "secrets[2].value", "secrets[3].name", "secrets[4].env", "secrets[5].env", "secrets[6].value", "secrets[7].selector",
			"secrets[8].name", "accounts[0].provider", "accounts[1].key",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if f.state(t) != before {
		t.Error("something was done")
	}
	f.Verify(t)
	spec.Secrets = spec.Secrets[:1]
	if _, err := f.Apply(t.Context(), admin, spec, org.Options{}); core.CodeOf(err) != core.Invalid || f.state(t) != before {
		t.Errorf("accounts that cannot be, and secrets that can: %v", err)
	}
}

// Whoever may apply but not reveal could guess a value: apply it dry and see
// whether it would change. Each try stands in the trail, as every reading of a
// value does.
func TestGuessesStandInTheTrail(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.apply(t, first(), org.Options{})
	f.apply(t, first(), org.Options{DryRun: true})
	got := f.trail(t)
	if len(got) != 3 || got[1].Outcome != guard.Attempt || got[2].Outcome != guard.OK || got[2].Detail["dry_run"] != "true" {
		t.Errorf("%+v", got)
	}
	for k, want := range map[string]string{"secrets_create": `["NPM","CERT"]`, "prune": "false", "dry_run": "false"} {
		if got[0].Detail[k] != want {
			t.Errorf("%s is %s, want %s", k, got[0].Detail[k], want)
		}
	}
	for _, e := range got {
		if strings.Contains(fmt.Sprint(e.Detail), "sk-test") {
			t.Errorf("a value is in the trail: %v", e.Detail)
		}
	}
}

func TestApplyTakesAnAdministrator(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	reading := admin
	reading.Scopes = core.AllScopes &^ core.AdminWrite
	user := core.Actor{Kind: core.UserActor, ID: "usr_a", Owner: core.Org, Scopes: core.AllScopes}
	for name, actor := range map[string]core.Actor{
		"a user": user, "a user's own": core.LocalUser, "one who may only read": reading,
		"a launcher": {Kind: core.LauncherActor, ID: "l", Owner: core.Org, Scopes: core.AllScopes},
		"upkeep":     core.System("x", core.Org),
	} {
		for _, dry := range []bool{false, true} {
			if _, err := f.Apply(t.Context(), actor, first(), org.Options{DryRun: dry}); core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if f.state(t) != "[] []" {
		t.Error("something was written")
	}
}

// A row that was damaged is repaired by applying the value that it is to have.
func TestApplyRepairs(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.apply(t, first(), org.Options{})
	f.Write(t, func(ctx context.Context, tx store.Tx) error {
		s, err := tx.Secrets().Get(ctx, core.Org, "NPM")
		if err != nil {
			return err
		}
		s.Ciphertext[len(s.Ciphertext)-1] ^= 1
		return tx.Secrets().Update(ctx, s, s.Version)
	})
	if got := f.apply(t, first(), org.Options{}); got[0] != "update secret NPM: value" || f.value(t, "NPM") != "one" {
		t.Errorf("%q", got)
	}
}
