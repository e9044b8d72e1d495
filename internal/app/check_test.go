package app_test

import (
	"errors"
	"io"
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
		if _, err := app.Check(set); core.CodeOf(err) != want {
			t.Errorf("%s: %v, want code %q", name, err, want)
		}
	}
}

// What --check finds keeps a server from starting: a sink that nobody could write
// would be seen much later, by its absence.
func TestServerStartsOnWhatCheckAccepts(t *testing.T) {
	home := t.TempDir()
	set := settings(t, map[string]string{"audit_sink": filepath.Join(home, "none", "audit.jsonl")})
	_, check := app.Check(set)
	_, open := app.OpenServer(t.Context(), app.Config{Home: filepath.Join(home, "keyfob")}, set, io.Discard)
	for _, err := range []error{check, open} {
		if core.CodeOf(err) != core.Invalid || !strings.Contains(details(err), "there is no directory") {
			t.Errorf("got %v, %s", err, details(err))
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
