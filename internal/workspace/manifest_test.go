package workspace_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

func TestWithoutGateway(t *testing.T) {
	f := newFixture(t)
	f.account(t, "anthropic", "")
	actor, _, gateway := f.start(t, workspace.Spec{})
	if _, _, second := f.start(t, workspace.Spec{}); gateway != "" || second != "" {
		t.Error("a gateway key that nobody asked for")
	}
	if m := f.manifest(t, actor); len(m.Gateways) > 0 {
		t.Errorf("gateways %+v", m.Gateways)
	}
}

func TestManifest(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A_TOKEN", File: "~/x/../a", Lookup: true, Description: "d"})
	f.secret(t, vault.NewSecret{Name: "B", Env: "A_TOKEN"})
	f.secret(t, vault.NewSecret{Name: "C", Env: "C", Selector: core.Selector{"team": "web"}})
	f.secret(t, vault.NewSecret{Name: "D", Env: "D", Selector: core.Selector{"team": "ops"}})
	f.account(t, "anthropic", "")
	f.account(t, "openrouter", "")
	actor, _, _ := f.start(t, workspace.Spec{Labels: map[string]string{"team": "web"}, Gateway: true, Providers: map[string]string{"openai": "openrouter"}})
	m := f.manifest(t, actor)
	value := func(n string) secret.Secret { return secret.FromString("value of " + n) }
	want := workspace.Manifest{
		Workspace: actor.ID, Version: m.Version,
		Env:     []workspace.EnvDelivery{{"A", false, "A_TOKEN", value("A")}, {"C", false, "C", value("C")}},
		Files:   []workspace.FileDelivery{{"A", false, "~/a", value("A")}},
		Lookups: []workspace.LookupDelivery{{"A", false, "d"}},
		Gateways: []workspace.Gateway{
			{"anthropic", "anthropic", "anthropic", "/p/anthropic/default", keyVars(t, "anthropic")},
			{"openai", "openrouter", "openai", "/p/openai/default", keyVars(t, "openai")},
			{"openrouter", "openrouter", "openai", "/p/openrouter/default", keyVars(t, "openrouter")},
		},
		Conflicts: []workspace.TargetConflict{{"env:A_TOKEN", "B", "A", "both are as specific, and it is the older"}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if m.Version < 1 || m.Version >= 1<<53 {
		t.Errorf("version %d", m.Version)
	}
	out := f.trail(t)[2]
	for k, want := range map[string]string{"env": `["A","C"]`, "files": `["A"]`, "lookups": `["A"]`, "gateways": `["anthropic","openai","openrouter"]`} {
		if out.Detail[k] != want {
			t.Errorf("noted %s %s, want %s", k, out.Detail[k], want)
		}
	}
}

func keyVars(t *testing.T, provider string) []string {
	t.Helper()
	a, err := builtin.Registry().Get(provider)
	if err != nil {
		t.Fatal(err)
	}
	return a.Info().KeyVars
}

func TestOnlyAndExcept(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"A", "B", "C"} {
		f.secret(t, vault.NewSecret{Name: n, Env: n})
	}
	actor, _, _ := f.start(t, workspace.Spec{Only: []string{"A", "B"}, Except: []string{"B"}})
	if m := f.manifest(t, actor); len(m.Env) != 1 || m.Env[0].Secret != "A" {
		t.Errorf("%+v", m.Env)
	}
}

// Each version is recorded once; every change of what goes out is a version.
func TestManifestVersions(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A", Lookup: true})
	f.secret(t, vault.NewSecret{Name: "Z", Env: "Z", Selector: core.Selector{"no": "match"}})
	f.account(t, "anthropic", "")
	actor, _, _ := f.start(t, workspace.Spec{Gateway: true})
	seen := map[int64]string{}
	edit := func(name string, e vault.Edit) func() {
		return func() {
			if _, _, err := f.vault.Update(t.Context(), core.LocalUser, name, e, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	step := func(name string, same bool, change func()) {
		t.Helper()
		change()
		before := len(f.trail(t))
		m := f.manifest(t, actor)
		again := f.manifest(t, actor)
		if m.Version != again.Version {
			t.Errorf("%s: the version moves by itself", name)
		}
		if was, known := seen[m.Version]; known != same {
			t.Errorf("%s: version was %q", name, was)
		}
		seen[m.Version] = name
		if got, want := len(f.trail(t))-before, map[bool]int{true: 0, false: 2}[same]; got != want {
			t.Errorf("%s: %d entries, want %d", name, got, want)
		}
	}
	step("first", false, func() {})
	step("nothing", true, func() {})
	step("one that is not due", true, edit("Z", vault.Edit{Value: to(secret.FromString("other"))}))
	step("value", false, edit("A", vault.Edit{Value: to(secret.FromString("new"))}))
	step("same value again", false, edit("A", vault.Edit{Value: to(secret.FromString("new"))}))
	step("variable", false, edit("A", vault.Edit{Env: to("B")}))
	step("file", false, edit("A", vault.Edit{File: to("~/a")}))
	step("description of a lookup", false, edit("A", vault.Edit{Description: to("d")}))
	step("no lookup", false, edit("A", vault.Edit{Lookup: to(false)}))
	step("description of no lookup", true, edit("A", vault.Edit{Description: to("e")}))
	step("account", false, func() { f.account(t, "openai", "") })
	step("second account", true, func() { f.account(t, "xai", "other") })
	step("disabled", false, edit("A", vault.Edit{Enabled: to(false)}))
}

// Two workspaces with one version have an entry each.
func TestManifestIsRecordedPerWorkspace(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A"})
	one, _, _ := f.start(t, workspace.Spec{})
	two, _, _ := f.start(t, workspace.Spec{})
	if f.manifest(t, one).Version != f.manifest(t, two).Version {
		t.Error("the same contents have two versions")
	}
	want := []string{"user create ok", "user create ok", "workspace manifest attempt", "workspace manifest ok", "workspace manifest attempt", "workspace manifest ok"}
	if diff := cmp.Diff(want, f.acts(t)); diff != "" {
		t.Error(diff)
	}
}

// A run asks for its manifest at once: the attempt is durable with its workspace,
// and is there once.
func TestManifestOfAProcess(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A"})
	actor, _, _ := f.start(t, workspace.Spec{Process: "p"})
	outcomes := func() (out []string) {
		for _, e := range f.trail(t) {
			out = append(out, e.Actor.String()+" "+e.Action+" "+e.Outcome+" "+e.Detail["attempt"])
		}
		return out
	}
	who := actor.String() + " workspace.manifest "
	want := []string{"user:local workspace.create ok ", who + "attempt "}
	if diff := cmp.Diff(want, outcomes()); diff != "" {
		t.Error(diff)
	}
	for i, more := range [][]string{{who + "ok 3"}, {who + "attempt ", who + "ok 6"}} {
		if _, err := f.Manifest(t.Context(), actor); err != nil {
			t.Fatal(err)
		}
		want = append(want, more...)
		if diff := cmp.Diff(want, outcomes()); diff != "" {
			t.Error(diff)
		}
		f.secret(t, vault.NewSecret{Name: fmt.Sprint("B", i), Env: fmt.Sprint("B", i)})
	}
}

func TestTamperedValueNeverGoesOut(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A", Lookup: true})
	f.secret(t, vault.NewSecret{Name: "B", Env: "B"})
	actor, _, _ := f.start(t, workspace.Spec{})
	f.Tamper(t, `CREATE TABLE kept AS SELECT * FROM secret`)
	f.Tamper(t, `UPDATE secret SET ciphertext = (SELECT ciphertext FROM secret WHERE name = 'B') WHERE name = 'A'`)
	m, err := f.Manifest(t.Context(), actor)
	wantCode(t, err, core.Internal, `secret "A"`)
	if len(m.Env) > 0 {
		t.Error("a part of the manifest went out")
	}
	if v, err := f.Lookup(t.Context(), actor, "A"); core.CodeOf(err) != core.Internal || !v.IsZero() {
		t.Errorf("lookup gives %v", err)
	}
	without, _, _ := f.start(t, workspace.Spec{Except: []string{"A"}})
	if m := f.manifest(t, without); len(m.Env) != 1 {
		t.Errorf("%+v", m)
	}
	f.Tamper(t, `UPDATE secret SET ciphertext = (SELECT ciphertext FROM kept WHERE name = 'A') WHERE name = 'A'`)
}
