package workspace_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

func TestKeys(t *testing.T) {
	f := newFixture(t)
	actor, session, gateway := f.start(t, workspace.Spec{Gateway: true, Labels: map[string]string{"a": "b"}})
	if !core.IsToken(session, core.SessionKeyPrefix) || !core.IsToken(gateway, core.GatewayKeyPrefix) {
		t.Error("the keys are no tokens")
	}
	if actor.Kind != core.WorkspaceActor || actor.Owner != core.Local {
		t.Errorf("actor %+v", actor)
	}
	w, err := f.GatewayKey(t.Context(), gateway)
	if err != nil || w.ID != actor.ID || w.SessionDigest != nil || w.GatewayDigest != nil || w.Namespace != "default" {
		t.Errorf("gateway's workspace %+v, %v", w, err)
	}
	for name, key := range map[string]string{"none": "", "garbage": "x", "the other key": gateway, "unknown": string(core.NewToken(core.SessionKeyPrefix).Reveal())} {
		_, _, err := f.Session(t.Context(), key)
		wantRevoked(t, "session key: "+name, err)
	}
	_, err = f.GatewayKey(t.Context(), session)
	wantRevoked(t, "a session key as gateway key", err)
	if err := f.End(t.Context(), core.LocalUser, actor.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, _, err = f.Session(t.Context(), session)
	wantRevoked(t, "an ended session", err)
	_, err = f.GatewayKey(t.Context(), gateway)
	wantRevoked(t, "an ended gateway key", err)
	_, err = f.Manifest(t.Context(), actor)
	wantRevoked(t, "manifest after the end", err)
	_, err = f.Lookup(t.Context(), actor, "A")
	wantRevoked(t, "lookup after the end", err)
	wantRevoked(t, "report after the end", f.Report(t.Context(), actor, 1, nil))
	wantCode(t, f.End(t.Context(), core.LocalUser, actor.ID, 0), core.NotFound, "no live workspace")
	wantCode(t, f.End(t.Context(), core.LocalUser, "wsp_x", 0), core.NotFound, "no workspace")
	wantCode(t, f.End(t.Context(), core.LocalUser, "../x", 0), core.NotFound, "no workspace")
}

func TestCreateRefuses(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A"})
	f.account(t, "anthropic", "team")
	for name, c := range map[string]struct {
		spec workspace.Spec
		want string
	}{
		"only":               {workspace.Spec{Only: []string{"A", "X"}}, `no secret "X"`},
		"except":             {workspace.Spec{Except: []string{"X"}}, `no secret "X"`},
		"label":              {workspace.Spec{Labels: map[string]string{"a b": "c"}}, "not a label"},
		"provider":           {workspace.Spec{Providers: map[string]string{"nobody": "openai"}}, "unknown provider"},
		"backend":            {workspace.Spec{Providers: map[string]string{"openai": "nobody"}}, "unknown provider"},
		"protocol":           {workspace.Spec{Providers: map[string]string{"openai": "anthropic"}}, "another protocol"},
		"backend's accounts": {workspace.Spec{Gateway: true, Providers: map[string]string{"openai": "openrouter"}}, "no enabled account of openrouter"},
		"namespace":          {workspace.Spec{Gateway: true, Namespace: "typo"}, `namespace "typo"`},
	} {
		_, s, g, err := f.Create(t.Context(), core.LocalUser, c.spec)
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || !strings.Contains(e.Message, c.want) || e.Hint == "" || !s.IsZero() || !g.IsZero() {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if list, err := f.List(t.Context(), core.LocalUser, store.WorkspaceFilter{}, store.Page{}); err != nil || len(list) > 0 {
		t.Errorf("made %+v, %v", list, err)
	}
	if actor, _, _ := f.start(t, workspace.Spec{Gateway: true, Namespace: "team"}); f.manifest(t, actor).Gateways[0].Path != "/p/anthropic/team" {
		t.Error("the namespace is not in the path")
	}
}

func TestLookup(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Lookup: true, Value: secret.New([]byte("a\n\xff"))})
	f.secret(t, vault.NewSecret{Name: "env only", Env: "E"})
	f.secret(t, vault.NewSecret{Name: "elsewhere", Lookup: true, Selector: core.Selector{"a": "b"}})
	f.secret(t, vault.NewSecret{Name: "off", Lookup: true, Disabled: true})
	f.secret(t, vault.NewSecret{Name: "except", Lookup: true})
	actor, _, _ := f.start(t, workspace.Spec{Except: []string{"except"}})
	list, err := f.Lookups(t.Context(), actor)
	if err != nil || len(list) != 1 || list[0].Name != "A" {
		t.Errorf("lookups %+v, %v", list, err)
	}
	v, err := f.Lookup(t.Context(), actor, "A")
	if err != nil || string(v.Reveal()) != "a\n\xff" {
		t.Fatal(err)
	}
	messages := map[string]bool{}
	for _, n := range []string{"env only", "elsewhere", "off", "except", "none"} {
		v, err := f.Lookup(t.Context(), actor, n)
		wantCode(t, err, core.NotFound, "to look up")
		messages[strings.ReplaceAll(err.Error(), n, "N")] = true
		if !v.IsZero() {
			t.Errorf("%s has a value", n)
		}
	}
	if len(messages) != 1 {
		t.Errorf("the errors tell which secrets there are: %v", messages)
	}
	if got := f.acts(t)[1:3]; got[0] != "workspace lookup attempt" || got[1] != "workspace lookup ok" || len(f.acts(t)) != 3+2*5 {
		t.Errorf("trail %q", f.acts(t))
	}
}

func TestWorkspacesAreApart(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A", Lookup: true})
	one, _, _ := f.start(t, workspace.Spec{})
	foreign := core.Actor{Kind: core.WorkspaceActor, ID: one.ID, Owner: core.Owner{Kind: core.UserOwner, ID: "eve"}}
	_, err := f.Manifest(t.Context(), foreign)
	wantRevoked(t, "another owner's workspace", err)
	for _, actor := range []core.Actor{core.LocalUser, {Kind: core.GatewayActor, ID: one.ID, Owner: core.Local}, core.System("x", core.Local)} {
		_, manifest := f.Manifest(t.Context(), actor)
		_, lookups := f.Lookups(t.Context(), actor)
		_, lookup := f.Lookup(t.Context(), actor, "A")
		for name, err := range map[string]error{"manifest": manifest, "lookups": lookups, "lookup": lookup, "report": f.Report(t.Context(), actor, 1, nil)} {
			if core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %s gives %v", actor, name, err)
			}
		}
	}
	_, list := f.List(t.Context(), one, store.WorkspaceFilter{}, store.Page{})
	_, _, _, create := f.Create(t.Context(), one, workspace.Spec{})
	for name, err := range map[string]error{"list": list, "create": create, "end": f.End(t.Context(), one, one.ID, 0)} {
		if core.CodeOf(err) != core.Forbidden {
			t.Errorf("a workspace's %s gives %v", name, err)
		}
	}
}

func TestReportKeepsNamesOnly(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A"})
	actor, _, _ := f.start(t, workspace.Spec{})
	err := f.Report(t.Context(), actor, 7, []workspace.Outcome{
		{Secret: "A", Delivery: "env", State: "delivered", Target: "canary", Over: "canary"},
		{Secret: "canary", Delivery: "file", State: "failed", Why: "canary"},
		{Delivery: "gateway", State: "delivered", With: "canary"},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := f.trail(t)[1]
	want := map[string]string{"version": "7", "delivered": "2", "delivered_names": `["env:A"]`, "failed": "1", "failed_names": `[]`, "via": "token"}
	if diff := cmp.Diff(want, e.Detail); diff != "" || e.Action != guard.WorkspaceReport {
		t.Error(diff)
	}
	for _, o := range []workspace.Outcome{{Delivery: "pigeon", State: "late"}, {Delivery: "env", State: "lost"}} {
		wantCode(t, f.Report(t.Context(), actor, 7, []workspace.Outcome{o}), core.Invalid, "unknown delivery or state")
	}
}

// A workspace reported one secret thousands of times in one report, of which an
// entry of megabytes stood in everybody's trail.
func TestReportTellsEachNameOnce(t *testing.T) {
	f := newFixture(t)
	name := strings.Repeat("<", 200)
	f.secret(t, vault.NewSecret{Name: name, Lookup: true})
	f.secret(t, vault.NewSecret{Name: "B", Env: "B"})
	actor, _, _ := f.start(t, workspace.Spec{})
	outcomes := slices.Repeat([]workspace.Outcome{{Secret: name, Delivery: "file", State: "failed"}}, 4500)
	outcomes = append(outcomes, workspace.Outcome{Secret: name, Delivery: "lookup", State: "failed"}, workspace.Outcome{Secret: "B", Delivery: "env", State: "failed"})
	if err := f.Report(t.Context(), actor, 1, outcomes); err != nil {
		t.Fatal(err)
	}
	trail := f.trail(t)
	e := trail[len(trail)-1]
	if want := `["file:` + name + `","lookup:` + name + `","env:B"]`; e.Detail["failed_names"] != want || e.Detail["failed"] != "4502" {
		t.Errorf("the entry has %d bytes of names, and counts %s", len(e.Detail["failed_names"]), e.Detail["failed"])
	}
}

func TestSweep(t *testing.T) {
	f := newFixture(t)
	dead, session, _ := f.start(t, workspace.Spec{Process: "dead"})
	alive, _, _ := f.start(t, workspace.Spec{Process: "alive"})
	free, _, _ := f.start(t, workspace.Spec{})
	lives := func(p string) bool { return p == "alive" }
	for _, want := range []int{1, 0} {
		if n, err := f.Sweep(t.Context(), lives); err != nil || n != want {
			t.Errorf("swept %d, %v, want %d", n, err, want)
		}
	}
	_, _, err := f.Session(t.Context(), session)
	wantRevoked(t, "a swept session", err)
	list, err := f.List(t.Context(), core.LocalUser, store.WorkspaceFilter{}, store.Page{})
	if err != nil || len(list) != 2 || list[0].ID != free.ID || list[1].ID != alive.ID {
		t.Errorf("live %+v, %v", list, err)
	}
	got := f.trail(t)[5:] // behind three workspaces, of which two are kept by a process that asks for a manifest next
	if len(got) != 1 || got[0].Action != guard.WorkspaceSweep || got[0].Detail["ended"] != `["`+dead.ID+`"]` || got[0].Actor.Kind != core.SystemActor {
		t.Errorf("entries %+v", got)
	}
}

// A workspace that ends between the look and the act is no failure.
func TestSweepBesideAnother(t *testing.T) {
	f := newFixture(t)
	actor, _, _ := f.start(t, workspace.Spec{Process: "dead"})
	n, err := f.Sweep(t.Context(), func(string) bool {
		if err := f.End(context.Background(), core.LocalUser, actor.ID, 0); err != nil {
			t.Error(err)
		}
		return false
	})
	if n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}
