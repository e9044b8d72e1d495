package identity_test

import (
	"maps"
	"slices"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/identity"
)

// launcherKey is the key of the launcher with this name: always the same, so that
// a configuration can be written down.
func launcherKey(name string) string {
	if _, ok := launcherKeys[name]; !ok {
		panic("no key for " + name)
	}
	return launcherKeys[name]
}

var launcherKeys = map[string]string{"tf": text(core.NewToken(core.LauncherPrefix)), "ci": text(core.NewToken(core.LauncherPrefix))}

func launcher(name string, users ...string) identity.Launcher {
	return identity.Launcher{Name: name, KeyDigest: core.TokenDigest(launcherKey(name)), Users: users, Labels: map[string]string{"by": name}}
}

func TestLauncher(t *testing.T) {
	f := newFixture(t, identity.Config{Launchers: []identity.Launcher{launcher("tf", "anna"), launcher("ci", "*")}})
	anna, otto := f.user(t, "anna", ""), f.user(t, "otto", "")
	tf, err := f.Bearer(t.Context(), launcherKey("tf"))
	if err != nil || tf.Kind != core.LauncherActor || tf.ID != "tf" || tf.Owner != (core.Owner{}) || tf.Admin || f.Still(t.Context(), tf) != nil {
		t.Fatalf("actor %+v, %v", tf, err)
	}
	ci, _ := f.Bearer(t.Context(), launcherKey("ci"))
	if a, err := f.LaunchFor(t.Context(), tf, "anna"); err != nil || a != tf.On(anna.Owner()) {
		t.Errorf("for anna: %+v, %v", a, err)
	}
	if a, err := f.LaunchFor(t.Context(), ci, "otto"); err != nil || a.Owner != otto.Owner() {
		t.Errorf("for otto: %+v, %v", a, err)
	}
	if got := f.LaunchLabels(tf); !maps.Equal(got, map[string]string{"by": "tf"}) {
		t.Errorf("labels %v", got)
	}
	if f, all := f.LaunchUsers(tf), f.LaunchUsers(ci); !slices.Equal(f, []string{"anna"}) || !slices.Equal(all, []string{"*"}) {
		t.Errorf("users %v and %v", f, all)
	}
	a, _ := f.browser(t, "anna")
	o, _ := f.browser(t, "otto")
	for who, want := range map[core.Actor]int{a: 2, o: 1, core.LocalUser: 1} {
		list, err := f.Launchers(t.Context(), who)
		if err != nil || len(list) != want || list[len(list)-1].Name != "ci" {
			t.Errorf("%s sees %+v, %v", who, list, err)
		}
		for _, l := range list {
			if l.KeyDigest != nil || l.Users != nil || l.Labels["by"] != l.Name {
				t.Errorf("%s sees %+v", who, l)
			}
		}
	}
}

// A launcher must not learn by trying who has an account here.
func TestALauncherCannotTellWhoThereIs(t *testing.T) {
	f := newFixture(t, identity.Config{Launchers: []identity.Launcher{launcher("tf", "anna", "gone", "off")}})
	f.user(t, "otto", "")
	f.user(t, "off", "")
	f.disable(t, "off")
	tf, _ := f.Bearer(t.Context(), launcherKey("tf"))
	_, unknown := f.LaunchFor(t.Context(), tf, "gone")
	for _, name := range []string{"otto", "off", "nobody"} {
		_, err := f.LaunchFor(t.Context(), tf, name)
		wantError(t, name, err, core.NotFound, "")
		e := *err.(*core.Error)
		e.Message = unknown.(*core.Error).Message // names whom was asked for
		sameError(t, name, &e, unknown)
	}
	a, _ := f.browser(t, "otto")
	for _, who := range []core.Actor{a, core.LocalUser, {Kind: core.LauncherActor, ID: "other"}, {Kind: core.UserActor, ID: "tf"}} {
		_, err := f.LaunchFor(t.Context(), who, "otto")
		wantError(t, who.String(), err, core.Unauthenticated, "bad_token")
		if l := f.LaunchLabels(who); len(l) != 0 {
			t.Errorf("%s has labels %v", who, l)
		}
	}
	wantError(t, "another launcher", f.Still(t.Context(), core.Actor{Kind: core.LauncherActor, ID: "other"}), core.Unauthenticated, "bad_token")
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	ok := launcher("tf", "anna")
	change := func(edit func(*identity.Launcher)) identity.Config {
		l := ok
		edit(&l)
		return identity.Config{Launchers: []identity.Launcher{l}}
	}
	other := launcher("ci", "anna")
	for name, c := range map[string]identity.Config{
		"no name":       change(func(l *identity.Launcher) { l.Name = "" }),
		"a bad name":    change(func(l *identity.Launcher) { l.Name = "a b" }),
		"no key":        change(func(l *identity.Launcher) { l.KeyDigest = nil }),
		"a short key":   change(func(l *identity.Launcher) { l.KeyDigest = l.KeyDigest[:31] }),
		"no users":      change(func(l *identity.Launcher) { l.Users = nil }),
		"a bad user":    change(func(l *identity.Launcher) { l.Users = []string{"A"} }),
		"a bad label":   change(func(l *identity.Launcher) { l.Labels = map[string]string{"a": "b c"} }),
		"our label":     change(func(l *identity.Launcher) { l.Labels = map[string]string{"keyfob/user": "b"} }),
		"a name twice":  {Launchers: []identity.Launcher{ok, {Name: "tf", KeyDigest: other.KeyDigest, Users: ok.Users}}},
		"a key twice":   {Launchers: []identity.Launcher{ok, {Name: "ci", KeyDigest: ok.KeyDigest, Users: ok.Users}}},
		"no address":    {AdminEmail: "boss"},
		"a short life":  {TokenLife: 1},
		"a long life":   {TokenLife: 366 * day},
		"a long stay":   {SessionLife: 31 * day},
		"a life before": {SessionLife: -day},
	} {
		if _, err := identity.New(c); core.CodeOf(err) != core.Invalid || err.(*core.Error).Hint == "" || err.(*core.Error).Field == "" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if _, err := identity.New(identity.Config{Launchers: []identity.Launcher{ok, other}, AdminEmail: "Boss@example.org"}); err != nil {
		t.Error(err)
	}
}
