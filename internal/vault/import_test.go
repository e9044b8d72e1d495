package vault_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

func TestImport(t *testing.T) {
	for format, text := range map[string]string{
		"env": "A=one\nB='two'", "json": `{"A":"one","B":"two"}`, "yaml": "A: one\nB: two",
	} {
		t.Run(format, func(t *testing.T) {
			f := newFixture(t, vault.Limits{})
			in := vault.Import{Format: format, Content: secret.FromString(text), Env: true, Lookup: true, Selector: core.Selector{"a": "b"}}
			in.DryRun = true
			shown, err := f.Import(t.Context(), core.LocalUser, in)
			if err != nil || len(shown) != 2 || shown[0].ID != "" || shown[0].Name != "A" || shown[0].Size != 3 {
				t.Fatalf("dry run %+v, %v", shown, err)
			}
			if list, _ := f.List(t.Context(), core.LocalUser, store.Page{}); len(list) > 0 || len(f.Acts(t)) > 0 {
				t.Fatal("the dry run kept something")
			}
			in.DryRun = false
			made, err := f.Import(t.Context(), core.LocalUser, in)
			if err != nil {
				t.Fatal(err)
			}
			list, err := f.List(t.Context(), core.LocalUser, store.Page{})
			if diff := cmp.Diff(made, list); diff != "" || err != nil {
				t.Error(diff, err)
			}
			if a := list[0]; a.Env != "A" || !a.Lookup || a.Selector["a"] != "b" || !a.Enabled {
				t.Errorf("imported %+v", a)
			}
			if v := f.value(t, "B"); v != "two" {
				t.Errorf("value %q", v)
			}
			if got := f.Acts(t)[0]; got != "secret.import secrets ok" {
				t.Errorf("entry %q", got)
			}
			f.Verify(t)
		})
	}
}

func TestImportReportsEverythingAtOnce(t *testing.T) {
	f := newFixture(t, vault.Limits{ValueBytes: 20})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	f.create(t, vault.NewSecret{Name: "B", Env: "B"})
	text := "A=canary\nB=canary\nC=ok\nC=canary\nPATH=canary\nEMPTY=\nLONG=canary canary canary!\n"
	for _, dry := range []bool{true, false} {
		_, err := f.Import(t.Context(), core.LocalUser, vault.Import{Format: "env", Content: secret.FromString(text), Env: true, DryRun: dry})
		wantCode(t, err, core.Conflict, "nothing was imported: 6 of the entries")
		var got []string
		for _, d := range err.(*core.Error).Details {
			got = append(got, d.Field+" "+d.Message)
		}
		all := strings.Join(got, "\n")
		for _, want := range []string{
			"A line 1: there is a secret of this name already", "B line 2: there is", "C line 4: the name stands in line 3",
			"PATH line 5: the variable PATH is reserved", "EMPTY line 6: the value is empty", "LONG line 7: the value is 21 bytes, at most 20",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("details %s\nlack %q", all, want)
			}
		}
		if strings.Contains(all, "canary") {
			t.Errorf("details hold a value: %s", all)
		}
	}
	if list, _ := f.List(t.Context(), core.LocalUser, store.Page{}); len(list) != 2 {
		t.Errorf("%d secrets after a refused import", len(list))
	}
	f.Verify(t)
}

func TestImportRefuses(t *testing.T) {
	f := newFixture(t, vault.Limits{Secrets: 3, ImportBytes: 100, EnvTotal: 6})
	for name, c := range map[string]struct {
		in   vault.Import
		code core.Code
		want string
	}{
		"format":      {vault.Import{Format: "toml", Env: true}, core.Invalid, "not a format"},
		"no delivery": {vault.Import{Format: "env", Content: secret.FromString("A=1")}, core.Invalid, "reach no workspace"},
		"empty":       {vault.Import{Format: "env", Env: true}, core.Invalid, "nothing to import"},
		"too large":   {vault.Import{Format: "env", Env: true, Content: secret.FromString("#" + strings.Repeat("x", 100))}, core.Invalid, "at most 100"},
		"selector":    {vault.Import{Format: "env", Env: true, Selector: core.Selector{"": "x"}}, core.Invalid, "label"},
		"unreadable":  {vault.Import{Format: "env", Env: true, Content: secret.FromString("x")}, core.Invalid, "line 1"},
		"too many":    {vault.Import{Format: "env", Env: true, Content: secret.FromString("A=1\nB=1\nC=1\nD=1")}, core.Exhausted, "more entries than the 3"},
		"too much":    {vault.Import{Format: "env", Env: true, Content: secret.FromString("A=1234\nB=1234")}, core.Exhausted, "8 bytes"},
		"unseen":      {vault.Import{Format: "json", Lookup: true, Content: secret.FromString(`{"a\u202eb":"1"}`)}, core.Invalid, "one entry"},
		"one invalid": {vault.Import{Format: "json", Lookup: true, Content: secret.FromString(`{"a/b":"1"}`)}, core.Invalid, "one entry"},
	} {
		_, err := f.Import(t.Context(), core.LocalUser, c.in)
		if e, ok := err.(*core.Error); !ok || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if list, _ := f.List(t.Context(), core.LocalUser, store.Page{}); len(list) > 0 {
		t.Errorf("something was imported: %+v", list)
	}
}

// The limit on the number counts what is stored too.
func TestImportCountsWhatIsThere(t *testing.T) {
	f := newFixture(t, vault.Limits{Secrets: 2})
	f.create(t, vault.NewSecret{Name: "A", Env: "A"})
	_, err := f.Import(t.Context(), core.LocalUser, vault.Import{Format: "env", Env: true, Content: secret.FromString("B=1\nC=1")})
	wantCode(t, err, core.Exhausted, "3 secrets")
	if list, _ := f.List(t.Context(), core.LocalUser, store.Page{}); len(list) != 1 {
		t.Errorf("%d secrets", len(list))
	}
}
