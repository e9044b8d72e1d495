package core_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
)

// Whatever labels a workspace carries, those that it has by itself say who owns
// it and what made it, and nothing else.
func TestMatchLabels(t *testing.T) {
	label := rapid.SampledFrom([]string{"team", "a", core.UserLabel, core.LauncherLabel, "keyfob/x"})
	word := rapid.SampledFrom([]string{"", "anna", "otto"})
	rapid.Check(t, func(t *rapid.T) {
		w := core.Workspace{Labels: rapid.MapOf(label, word).Draw(t, "labels"), Launcher: word.Draw(t, "launcher")}
		before := len(w.Labels)
		user := word.Draw(t, "user")
		got := w.MatchLabels(user)
		for k, v := range got {
			switch {
			case k == core.UserLabel && v == user && user != "", k == core.LauncherLabel && v == w.Launcher && v != "":
			case strings.HasPrefix(k, core.AutoLabelPrefix) || w.Labels[k] != v:
				t.Fatalf("%s=%s of %+v", k, v, w)
			}
		}
		if (got[core.UserLabel] != user) || got[core.LauncherLabel] != w.Launcher || len(w.Labels) != before {
			t.Fatalf("%v of %+v", got, w)
		}
	})
}

func TestAutomaticLabelsAreNobodysToSet(t *testing.T) {
	for _, k := range []string{core.UserLabel, core.LauncherLabel, "keyfob/x", "keyfob/" + strings.Repeat("x", 200)} {
		err := core.CheckWorkspaceLabels(map[string]string{k: "v"})
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Hint == "" || len(e.Message) > 120 {
			t.Errorf("%s: %v", k, err)
		}
	}
	if err := core.CheckWorkspaceLabels(map[string]string{"keyfob": "v", "x/keyfob/y": "v"}); err != nil {
		t.Error(err)
	}
	if err := core.CheckSelector(core.Selector{core.UserLabel: "a", core.LauncherLabel: "b", "team": "c"}); err != nil {
		t.Error(err)
	}
	if core.CodeOf(core.CheckSelector(core.Selector{"keyfob/team": "a"})) != core.Invalid || core.CodeOf(core.CheckSelector(core.Selector{"a b": "c"})) != core.Invalid {
		t.Error("a selector that matches nothing is taken")
	}
}
