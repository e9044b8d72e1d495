package app_test

import (
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
