package workspace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// told is what a manifest says, for reading: "A=VARIABLE org" and so on.
func tells(m workspace.Manifest) (out []string) {
	mark := func(s string, org bool) string {
		if org {
			return s + " org"
		}
		return s
	}
	for _, d := range m.Env {
		out = append(out, mark(d.Secret+"="+d.Name+" "+string(d.Value.Reveal()), d.Org))
	}
	for _, d := range m.Files {
		out = append(out, mark(d.Secret+"="+d.Path+" "+string(d.Value.Reveal()), d.Org))
	}
	for _, d := range m.Lookups {
		out = append(out, mark(d.Secret+" "+d.Description, d.Org))
	}
	for _, c := range m.Conflicts {
		out = append(out, c.Target+" "+c.Secret+" lost to "+c.Winner+": "+c.Why)
	}
	return out
}

func TestManifestWithTheOrganisation(t *testing.T) {
	f := newFixture(t)
	anna, otto := f.user(t, "anna"), f.user(t, "otto")
	f.secret(t, vault.NewSecret{Name: "local", Env: "LOCAL"})
	f.orgSecret(t, vault.NewSecret{Name: "all", Env: "ALL", Lookup: true, Description: "d"})
	f.orgSecret(t, vault.NewSecret{Name: "web", File: "~/.web", Selector: core.Selector{"team": "web"}})
	f.orgSecret(t, vault.NewSecret{Name: "anna's", Env: "HERS", Selector: core.Selector{core.UserLabel: "anna"}})
	f.orgSecret(t, vault.NewSecret{Name: "coder's", Env: "CODERS", Selector: core.Selector{core.LauncherLabel: "coder"}})
	f.orgSecret(t, vault.NewSecret{Name: "off", Env: "OFF", Disabled: true})
	const value = " the organisation's value of "
	web := workspace.Spec{Labels: map[string]string{"team": "web"}}
	for name, c := range map[string]struct {
		actor core.Actor
		spec  workspace.Spec
		want  []string
	}{
		"anna":                  {anna, web, []string{"all=ALL" + value + "all org", "anna's=HERS" + value + "anna's org", "web=~/.web" + value + "web org", "all d org"}},
		"otto, elsewhere":       {otto, workspace.Spec{}, []string{"all=ALL" + value + "all org", "all d org"}},
		"this machine's user":   {core.LocalUser, workspace.Spec{}, []string{"all=ALL" + value + "all org", "local=LOCAL value of local", "all d org"}},
		"a launcher, for otto":  {launcher("coder", otto), workspace.Spec{}, []string{"all=ALL" + value + "all org", "coder's=CODERS" + value + "coder's org", "all d org"}},
		"another, for otto":     {launcher("other", otto), workspace.Spec{}, []string{"all=ALL" + value + "all org", "all d org"}},
		"anna, only one":        {anna, workspace.Spec{Only: []string{"anna's"}}, []string{"anna's=HERS" + value + "anna's org"}},
		"anna, all but the one": {anna, workspace.Spec{Except: []string{"anna's"}}, []string{"all=ALL" + value + "all org", "all d org"}},
	} {
		inside, _ := f.startFor(t, c.actor, c.spec)
		if diff := cmp.Diff(c.want, tells(f.manifest(t, inside))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func launcher(name string, user core.Actor) core.Actor {
	return core.Actor{Kind: core.LauncherActor, ID: name, Owner: user.Owner, Scopes: core.AllScopes, Via: core.Via{Kind: core.ViaToken}}
}

// A user sets what the organisation sets too, less specifically. Their own goes
// first all the same, and the trail and the manifest say what lost.
func TestAUsersOwnGoesFirst(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "TOKEN", Env: "TOKEN", File: "~/.token", Lookup: true})
	f.orgSecret(t, vault.NewSecret{Name: "TOKEN", Env: "TOKEN", File: "~/./.token", Lookup: true, Selector: core.Selector{"a": "b"}})
	actor, _, _ := f.start(t, workspace.Spec{Labels: map[string]string{"a": "b"}})
	why := " TOKEN lost to TOKEN: one of the user goes before one of the organisation"
	want := []string{"TOKEN=TOKEN value of TOKEN", "TOKEN=~/.token value of TOKEN", "TOKEN ", "env:TOKEN" + why, "file:~/.token" + why, "lookup:TOKEN" + why}
	if diff := cmp.Diff(want, tells(f.manifest(t, actor))); diff != "" {
		t.Error(diff)
	}
	if v, err := f.Lookup(t.Context(), actor, "TOKEN"); err != nil || string(v.Reveal()) != "value of TOKEN" {
		t.Errorf("lookup: %v", err)
	}
	if err := f.vault.Delete(t.Context(), core.LocalUser, "TOKEN", 0); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Lookup(t.Context(), actor, "TOKEN"); err != nil || !strings.HasPrefix(string(v.Reveal()), "the organisation's") {
		t.Errorf("lookup of the other: %v", err)
	}
}

// Somebody wants what the organisation gives to another user, or to what one
// launcher makes. Nobody can say of a workspace that it is one of those.
func TestNobodyPassesAsAnother(t *testing.T) {
	f := newFixture(t)
	f.orgSecret(t, vault.NewSecret{Name: "anna's", Env: "HERS", Lookup: true, Selector: core.Selector{core.UserLabel: "anna"}})
	f.orgSecret(t, vault.NewSecret{Name: "coder's", Env: "CODERS", Selector: core.Selector{core.LauncherLabel: "coder"}})
	f.user(t, "anna")
	eve := f.user(t, "eve")
	for _, labels := range []map[string]string{
		{core.UserLabel: "anna"}, {core.LauncherLabel: "coder"}, {"keyfob/x": "y"},
	} {
		_, _, _, err := f.Create(t.Context(), eve, workspace.Spec{Labels: labels})
		wantCode(t, err, core.Invalid, "Keyfob's own")
		_, err = f.Workspaces.Update(t.Context(), eve, "wsp_x", labels, 0)
		wantCode(t, err, core.Invalid, "Keyfob's own")
	}
	inside, _ := f.startFor(t, eve, workspace.Spec{})
	if m := f.manifest(t, inside); len(m.Env)+len(m.Lookups) > 0 {
		t.Errorf("she has %q", tells(m))
	}
	_, err := f.Lookup(t.Context(), inside, "anna's")
	wantCode(t, err, core.NotFound, "to look up")
	// What others are called is told neither by an error nor by a hint.
	_, _, _, err = f.Create(t.Context(), eve, workspace.Spec{Only: []string{"anna's"}})
	wantCode(t, err, core.Invalid, `no secret "anna's"`)
	if e := err.(*core.Error); strings.Contains(e.Hint, "coder") {
		t.Errorf("hint %q", e.Hint)
	}
}

func TestGatewaysOfTheOrganisation(t *testing.T) {
	f := newFixture(t)
	admin := core.LocalUser.On(core.Org)
	f.accountOf(t, admin, "anthropic", "", nil)
	f.accountOf(t, admin, "openai", "", core.Selector{"team": "web"})
	f.accountOf(t, admin, "google", "", core.Selector{core.UserLabel: "anna"})
	anna, otto := f.user(t, "anna"), f.user(t, "otto")
	f.accountOf(t, otto, "xai", "", core.Selector{"team": "ops"})
	for name, c := range map[string]struct {
		actor core.Actor
		team  string
		want  string
	}{
		"anna, web": {anna, "web", "anthropic openai google"},
		"anna, ops": {anna, "ops", "anthropic google"},
		"otto, web": {otto, "web", "anthropic openai"},
		"otto, ops": {otto, "ops", "anthropic xai"},
	} {
		inside, _ := f.startFor(t, c.actor, workspace.Spec{Gateway: true, Labels: map[string]string{"team": c.team}})
		var got []string
		for _, g := range f.manifest(t, inside).Gateways {
			got = append(got, g.Provider)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	_, _, _, err := f.Create(t.Context(), otto, workspace.Spec{Gateway: true, Providers: map[string]string{"openai": "xai"}, Labels: map[string]string{"team": "web"}})
	wantCode(t, err, core.Invalid, "no enabled account of xai")
}

func TestReportKnowsTheOrganisationsNames(t *testing.T) {
	f := newFixture(t)
	f.orgSecret(t, vault.NewSecret{Name: "theirs", Env: "A"})
	f.orgSecret(t, vault.NewSecret{Name: "hidden", Env: "B", Selector: core.Selector{core.UserLabel: "anna"}})
	inside, _ := f.startFor(t, f.user(t, "otto"), workspace.Spec{})
	err := f.Report(t.Context(), inside, 1, []workspace.Outcome{
		{Secret: "theirs", Delivery: "env", State: "delivered"}, {Secret: "hidden", Delivery: "env", State: "delivered"},
	})
	if err != nil {
		t.Fatal(err)
	}
	trail := f.trail(t)
	if e := trail[len(trail)-1]; e.Action != guard.WorkspaceReport || e.Detail["delivered"] != "2" || e.Detail["delivered_names"] != `["env:theirs"]` {
		t.Errorf("%+v", e)
	}
}

// A secret of the organisation that comes, changes or goes is another version.
func TestManifestVersionsFollowTheOrganisation(t *testing.T) {
	f := newFixture(t)
	admin := core.LocalUser.On(core.Org)
	inside, _ := f.startFor(t, f.user(t, "anna"), workspace.Spec{})
	seen := map[int64]bool{}
	fresh := func(what string) {
		t.Helper()
		m := f.manifest(t, inside)
		if seen[m.Version] {
			t.Errorf("%s: the version stays", what)
		}
		seen[m.Version] = true
	}
	fresh("nothing")
	f.orgSecret(t, vault.NewSecret{Name: "A", Env: "A"})
	fresh("made")
	if _, _, err := f.vault.Update(t.Context(), admin, "A", vault.Edit{Lookup: to(true)}, 0); err != nil {
		t.Fatal(err)
	}
	fresh("changed")
	if err := f.vault.Delete(t.Context(), admin, "A", 0); err != nil {
		t.Fatal(err)
	}
	before := f.manifest(t, inside)
	if len(before.Env)+len(before.Lookups) > 0 {
		t.Errorf("removed: %q", tells(before))
	}
}
