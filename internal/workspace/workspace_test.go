package workspace_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

type fixture struct {
	*workspace.Workspaces
	vault    *vault.Vault
	accounts *account.Accounts
	guard    *guard.Guard
	store    store.Store
	path     string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	root, err := seal.NewRootKey(secret.New(key))
	if err != nil {
		t.Fatal(err)
	}
	g, keys, reg := guard.New(st, "here"), seal.NewKeys(root), builtin.Registry()
	return fixture{
		Workspaces: workspace.New(g, st, keys, reg), vault: vault.New(g, keys, vault.Limits{}),
		accounts: account.New(g, keys, reg, nil), guard: g, store: st, path: path,
	}
}

func (f fixture) secret(t *testing.T, n vault.NewSecret) {
	t.Helper()
	if n.Value.IsZero() {
		n.Value = secret.FromString("value of " + n.Name)
	}
	if _, _, err := f.vault.Create(t.Context(), core.LocalUser, n); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) account(t *testing.T, provider, namespace string) {
	t.Helper()
	_, err := f.accounts.Add(t.Context(), core.LocalUser, account.NewAccount{
		Provider: provider, Namespace: namespace, Label: "work", Key: secret.FromString("test-0123456789abcdef"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start makes a workspace and gives its actor and keys.
func (f fixture) start(t *testing.T, spec workspace.Spec) (actor core.Actor, session, gateway string) {
	t.Helper()
	w, s, g, err := f.Create(t.Context(), core.LocalUser, spec)
	if err != nil {
		t.Fatal(err)
	}
	actor, _, err = f.Session(t.Context(), string(s.Reveal()))
	if err != nil || actor.ID != w.ID {
		t.Fatalf("session %+v, %v", actor, err)
	}
	return actor, string(s.Reveal()), string(g.Reveal())
}

func (f fixture) manifest(t *testing.T, actor core.Actor) workspace.Manifest {
	t.Helper()
	m, err := f.Manifest(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// trail is the workspaces' entries, oldest first.
func (f fixture) trail(t *testing.T) (out []core.AuditEntry) {
	t.Helper()
	err := f.store.View(t.Context(), func(tx store.Tx) error {
		return tx.Audit().Walk(t.Context(), "here", func(e core.AuditEntry) error {
			if strings.HasPrefix(e.Action, "workspace.") {
				out = append(out, e)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) acts(t *testing.T) (out []string) {
	t.Helper()
	for _, e := range f.trail(t) {
		out = append(out, string(e.Actor.Kind)+" "+strings.TrimPrefix(e.Action, "workspace.")+" "+e.Outcome)
	}
	return out
}

func (f fixture) tamper(t *testing.T, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+f.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code core.Code, text string) {
	t.Helper()
	e, ok := err.(*core.Error)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) || e.Hint == "" {
		t.Errorf("error %#v, want %s with %q and a hint", err, code, text)
	}
}

func wantRevoked(t *testing.T, what string, err error) {
	t.Helper()
	if e, ok := err.(*core.Error); !ok || e.Code != core.Unauthenticated || e.Reason != "session_revoked" {
		t.Errorf("%s gives %v, want session_revoked", what, err)
	}
}

func to[T any](v T) *T { return &v }

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
	if err := f.End(t.Context(), core.LocalUser, actor.ID); err != nil {
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
	wantCode(t, f.End(t.Context(), core.LocalUser, actor.ID), core.NotFound, "no live workspace")
	wantCode(t, f.End(t.Context(), core.LocalUser, "wsp_x"), core.NotFound, "no live workspace")
	wantCode(t, f.End(t.Context(), core.LocalUser, "../x"), core.NotFound, "no live workspace")
}

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
		Env:     []workspace.EnvDelivery{{"A", "A_TOKEN", value("A")}, {"C", "C", value("C")}},
		Files:   []workspace.FileDelivery{{"A", "~/a", value("A")}},
		Lookups: []workspace.LookupDelivery{{"A", "d"}},
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
			if _, _, err := f.vault.Update(t.Context(), core.LocalUser, name, e); err != nil {
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

func TestTamperedValueNeverGoesOut(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A", Lookup: true})
	f.secret(t, vault.NewSecret{Name: "B", Env: "B"})
	actor, _, _ := f.start(t, workspace.Spec{})
	f.tamper(t, `UPDATE secret SET ciphertext = (SELECT ciphertext FROM secret WHERE name = 'B') WHERE name = 'A'`)
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
	if list, err := f.List(t.Context(), core.LocalUser); err != nil || len(list) > 0 {
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
	_, list := f.List(t.Context(), one)
	_, _, _, create := f.Create(t.Context(), one, workspace.Spec{})
	for name, err := range map[string]error{"list": list, "create": create, "end": f.End(t.Context(), one, one.ID)} {
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
	want := map[string]string{"version": "7", "delivered": "2", "delivered_names": `["env:A"]`, "failed": "1", "failed_names": `[]`}
	if diff := cmp.Diff(want, e.Detail); diff != "" || e.Action != guard.WorkspaceReport {
		t.Error(diff)
	}
	for _, o := range []workspace.Outcome{{Delivery: "pigeon", State: "late"}, {Delivery: "env", State: "lost"}} {
		wantCode(t, f.Report(t.Context(), actor, 7, []workspace.Outcome{o}), core.Invalid, "unknown delivery or state")
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
	list, err := f.List(t.Context(), core.LocalUser)
	if err != nil || len(list) != 2 || list[0].ID != alive.ID || list[1].ID != free.ID {
		t.Errorf("live %+v, %v", list, err)
	}
	got := f.trail(t)[3:]
	if len(got) != 1 || got[0].Action != guard.WorkspaceSweep || got[0].Detail["ended"] != `["`+dead.ID+`"]` || got[0].Actor.Kind != core.SystemActor {
		t.Errorf("entries %+v", got)
	}
}

// A workspace that ends between the look and the act is no failure.
func TestSweepBesideAnother(t *testing.T) {
	f := newFixture(t)
	actor, _, _ := f.start(t, workspace.Spec{Process: "dead"})
	n, err := f.Sweep(t.Context(), func(string) bool {
		if err := f.End(context.Background(), core.LocalUser, actor.ID); err != nil {
			t.Error(err)
		}
		return false
	})
	if n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}
