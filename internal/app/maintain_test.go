package app_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/app"
	"keyfob/internal/core"
)

func keep(t *testing.T, a *app.App, name, value string) {
	t.Helper()
	if _, err := a.Client().CreateSecret(t.Context(), api.SecretCreate{Name: name, Lookup: true, Value: api.NewValue([]byte(value))}); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t *testing.T, c app.Config, name, value string) {
	t.Helper()
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	got, err := a.Client().RevealSecret(t.Context(), name, api.RevealRequest{Confirm: name})
	if err != nil || string(got.Value.Bytes()) != value {
		t.Errorf("%s: %v", name, err)
	}
	if v, err := a.Client().VerifyAudit(t.Context()); err != nil || !v.OK {
		t.Errorf("the trail: %+v, %v", v, err)
	}
}

// withKeys opens a vault of one secret and closes it when fn is done.
func withKeys(t *testing.T, c app.Config, fn func(*app.App)) {
	t.Helper()
	initVault(t, c)
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, a, "A", "one")
	fn(a)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRekeyKeepsValuesAndTheOldKey(t *testing.T) {
	c := configFor(t)
	backup := filepath.Join(t.TempDir(), "before.db")
	var done app.Rekeyed
	withKeys(t, c, func(a *app.App) {
		if _, err := a.Backup(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		var err error
		if done, err = a.Rekey(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	})
	wantValue(t, c, "A", "one")
	if _, err := os.Stat(done.Kept); err != nil || done.Kept == "" {
		t.Errorf("the old key is at %q: %v", done.Kept, err)
	}

	// A backup from before opens with the key from before alone.
	r, err := app.Restore(t.Context(), c, backup)
	if err != nil || r.Opens || r.Aside == "" {
		t.Fatalf("restored %+v, %v", r, err)
	}
	if _, err := app.Open(t.Context(), c); !errors.Is(err, &core.Error{Code: core.Conflict, Reason: "wrong_root_key"}) {
		t.Errorf("with the new key: %v", err)
	}
	if err := os.Rename(done.Kept, filepath.Join(c.Home, "root.key")); err != nil {
		t.Fatal(err)
	}
	wantValue(t, c, "A", "one")
}

// A process was killed after the vault had its new root key and before the key's
// file had its place: the vault said that another key was needed, and the key
// stood beside it under a name that nobody looked at.
func TestRekeyThatWasCutOffIsFinishedByTheNextOpen(t *testing.T) {
	c := configFor(t)
	var done app.Rekeyed
	withKeys(t, c, func(a *app.App) {
		var err error
		if done, err = a.Rekey(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	})
	current := filepath.Join(c.Home, "root.key")
	for _, move := range [][2]string{{current, current + ".next"}, {done.Kept, current}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	wantValue(t, c, "A", "one")
	wantValue(t, c, "A", "one")
	if _, err := os.Stat(done.Kept); err != nil {
		t.Errorf("the old key is gone: %v", err)
	}
}

// Cut off before the vault was changed: the vault's own key goes on, and the next
// try takes the key that was made.
func TestRekeyThatWasCutOffBeforeItBegan(t *testing.T) {
	c := configFor(t)
	withKeys(t, c, func(*app.App) {})
	other := configFor(t)
	initVault(t, other)
	next := filepath.Join(c.Home, "root.key.next")
	if err := os.Rename(filepath.Join(other.Home, "root.key"), next); err != nil {
		t.Fatal(err)
	}
	wantValue(t, c, "A", "one")
	a := open(t, c)
	if _, err := a.Rekey(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(next); !errors.Is(err, os.ErrNotExist) {
		t.Error("the key is still under way")
	}
}

func TestRekeyMovesCustody(t *testing.T) {
	c := configFor(t)
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	withKeys(t, c, func(a *app.App) {
		if _, err := a.Rekey(t.Context(), "env"); core.CodeOf(err) != core.Invalid {
			t.Errorf("without a key: %v", err)
		}
	})
	c.Environ = []string{app.NewKeyVariable + "=" + key}
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	done, err := a.Rekey(t.Context(), "env")
	if err != nil || done.Custody != "env" {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.Home, "root.key")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the old key file is still where custody file looks")
	}
	c.Environ = []string{"KEYFOB_VAULT_KEY=" + key}
	wantValue(t, c, "A", "one")

	b := open(t, c)
	if done, err = b.Rekey(t.Context(), "file"); err != nil || done.Kept != "" {
		t.Fatalf("%+v, %v", done, err)
	}
	c.Environ = nil
	wantValue(t, c, "A", "one")
}

func TestRestoreWhereTheVaultIsInUse(t *testing.T) {
	c := configFor(t)
	backup := filepath.Join(t.TempDir(), "b.db")
	initVault(t, c)
	a := open(t, c)
	keep(t, a, "A", "one")
	if _, err := a.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Backup(t.Context(), backup); core.CodeOf(err) != core.Conflict {
		t.Errorf("a second one: %v", err)
	}
	if _, err := app.Restore(t.Context(), c, backup); !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: "store_in_use"}) {
		t.Errorf("in use: %v", err)
	}
	keep(t, a, "B", "two")
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := app.Restore(t.Context(), c, backup)
	if err != nil || !r.Opens || r.Secrets != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	wantValue(t, c, "A", "one")
}
