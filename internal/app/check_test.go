package app_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/app"
	"keyfob/internal/config"
	"keyfob/internal/core"
)

func TestCheckKnowsWhichVariablesCanBeAllowed(t *testing.T) {
	for name, want := range map[string]core.Code{"NODE_OPTIONS": "", "GOFLAGS": "", "LD_PRELOAD": core.Invalid, "PATH": core.Invalid, "NPM_TOKEN": core.Invalid} {
		set := config.Default()
		set.AllowEnv = []string{name}
		if _, err := app.Check(t.TempDir(), set); core.CodeOf(err) != want {
			t.Errorf("%s: %v, want code %q", name, err, want)
		}
	}
}

// What --check finds keeps a server from starting: a sink that nobody could write
// would be seen much later, by its absence.
func TestServerStartsOnWhatCheckAccepts(t *testing.T) {
	home := t.TempDir()
	set := settings(t, map[string]string{"audit_sink": filepath.Join(home, "none", "audit.jsonl")})
	_, check := app.Check(home, set)
	_, open := app.OpenServer(t.Context(), app.Config{Home: filepath.Join(home, "keyfob")}, set, io.Discard)
	for _, err := range []error{check, open} {
		if core.CodeOf(err) != core.Invalid || !strings.Contains(details(err), "there is no directory") {
			t.Errorf("got %v, %s", err, details(err))
		}
	}
}

// With --check and at the start: the server served, and its trail had no copy.
func TestSinkThatIsSomethingElse(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	other := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(other, []byte("root:x:0:0:root:/root:/bin/bash\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(c.Home, "root.key")
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, filepath.Join(c.Home, "keyfob.db"), filepath.Join(c.Home, "keyfob.db-wal"), key, filepath.Join(c.Home, "server.json"), filepath.Join(c.Home, "server.lock")} {
		set := settings(t, map[string]string{"audit_sink": path})
		_, check := app.Check(c.Home, set)
		_, open := app.OpenServer(t.Context(), c, set, io.Discard)
		for _, err := range []error{check, open} {
			if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "audit_sink") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if after, err := os.ReadFile(key); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the root key was changed: %v", err)
	}
}

// A server goes on with what it wrote, and with the torn first line of one that
// was killed.
func TestSinkOfAServerBefore(t *testing.T) {
	c, sink := configFor(t), filepath.Join(t.TempDir(), "audit.jsonl")
	initVault(t, c)
	if err := os.WriteFile(sink, []byte(`{"keyfob_au`), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := startOn(t, c, map[string]string{"audit_sink": sink})
		s.stop()
		set := settings(t, map[string]string{"audit_sink": sink})
		if _, err := app.Check(c.Home, set); err != nil {
			t.Error(err)
		}
	}
}

func details(err error) string {
	var out []string
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, d := range e.Details {
			out = append(out, d.Field+" "+d.Message)
		}
	}
	return strings.Join(out, "; ")
}
