package deliver

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/core"
)

const (
	testBase    = "http://127.0.0.1:4711"
	testGateway = "kfg_gateway"
)

func gatewayOf(provider, dialect string, vars ...string) api.Gateway {
	return api.Gateway{Provider: provider, Backend: provider, Dialect: dialect, Path: "/p/" + provider + "/default", KeyVars: vars}
}

var allGateways = []api.Gateway{
	gatewayOf("anthropic", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
	gatewayOf("openai", "openai", "OPENAI_API_KEY"),
	gatewayOf("google", "google", "GEMINI_API_KEY"),
}

func input(command []string, gateways ...api.Gateway) PlanInput {
	return PlanInput{
		Command: command, BaseURL: testBase,
		SessionKey: api.NewKey([]byte("kfs_session")), GatewayKey: api.NewKey([]byte(testGateway)),
		Manifest: api.Manifest{Workspace: "ws_1", Gateways: gateways},
	}
}

func mustPlan(t *testing.T, in PlanInput) (Plan, map[string]string) {
	t.Helper()
	p, err := NewPlan(in)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, l := range p.Environ() {
		k, v, _ := strings.Cut(l, "=")
		env[k] = v
	}
	return p, env
}

// wantEnv checks variables; "-" means that it must not be set.
func wantEnv(t *testing.T, env, want map[string]string) {
	t.Helper()
	for k, w := range want {
		got, has := env[k]
		if w == "-" && has || w != "-" && (!has || got != w) {
			t.Errorf("%s = %q (set: %v), want %q", k, got, has, w)
		}
	}
}

func TestPresetClaude(t *testing.T) {
	caller := []string{"ANTHROPIC_API_KEY=real", "CLAUDE_CODE_OAUTH_TOKEN=real", "OPENAI_API_KEY=real"}
	for _, name := range []string{"claude", "/usr/local/bin/claude", "./claude.exe", "Claude.CMD"} {
		in := input([]string{name, "-p", "hi"}, allGateways...)
		in.Environ = caller
		p, env := mustPlan(t, in)
		if p.Client != "claude" {
			t.Fatalf("%s: client %s", name, p.Client)
		}
		wantEnv(t, env, map[string]string{
			"ANTHROPIC_BASE_URL": testBase + "/p/anthropic/default", "ANTHROPIC_AUTH_TOKEN": testGateway,
			"ANTHROPIC_API_KEY": "-", "CLAUDE_CODE_OAUTH_TOKEN": "-", "OPENAI_API_KEY": "-", "OPENAI_BASE_URL": "-",
		})
	}
}

func TestPresetClaudeWithoutAnAnthropicAccountIsLeftAlone(t *testing.T) {
	in := input([]string{"claude"}, gatewayOf("openai", "openai", "OPENAI_API_KEY"))
	in.Environ = []string{"ANTHROPIC_API_KEY=mine", "ANTHROPIC_BASE_URL=https://mine", "CLAUDE_CODE_OAUTH_TOKEN=mine"}
	_, env := mustPlan(t, in)
	wantEnv(t, env, map[string]string{
		"ANTHROPIC_API_KEY": "mine", "ANTHROPIC_BASE_URL": "https://mine", "CLAUDE_CODE_OAUTH_TOKEN": "mine",
		"ANTHROPIC_AUTH_TOKEN": "-",
	})
}

func TestPresetCodex(t *testing.T) {
	in := input([]string{"codex", "exec", "hi"}, allGateways...)
	in.Environ = []string{"OPENAI_API_KEY=real", "CODEX_API_KEY=real"}
	p, env := mustPlan(t, in)
	want := []string{
		"codex", "-c", `model_provider="keyfob"`, "-c", `model_providers.keyfob.name="Keyfob"`,
		"-c", `model_providers.keyfob.base_url="` + testBase + `/p/openai/default/v1"`,
		"-c", `model_providers.keyfob.env_key="KEYFOB_GATEWAY_KEY"`, "-c", `model_providers.keyfob.wire_api="responses"`,
		"exec", "hi",
	}
	if !slices.Equal(p.Command, want) {
		t.Errorf("command %q, want %q", p.Command, want)
	}
	wantEnv(t, env, map[string]string{"KEYFOB_GATEWAY_KEY": testGateway, "OPENAI_API_KEY": "-", "CODEX_API_KEY": "-"})
	if p, _ := mustPlan(t, input([]string{"codex"}, allGateways[0])); len(p.Command) != 1 {
		t.Errorf("without an OpenAI account the arguments are %q", p.Command)
	}
}

func TestPresetGeminiAndQwen(t *testing.T) {
	in := input([]string{"gemini"}, allGateways...)
	in.Environ = []string{"GOOGLE_API_KEY=real"}
	_, env := mustPlan(t, in)
	wantEnv(t, env, map[string]string{"GOOGLE_GEMINI_BASE_URL": testBase + "/p/google/default", "GEMINI_API_KEY": testGateway, "GOOGLE_API_KEY": "-", "OPENAI_API_KEY": "-"})
	in = input([]string{"qwen"}, allGateways...)
	in.Environ = []string{"OPENAI_MODEL=mine", "DASHSCOPE_API_KEY=real"}
	_, env = mustPlan(t, in)
	wantEnv(t, env, map[string]string{"OPENAI_BASE_URL": testBase + "/p/openai/default/v1", "OPENAI_API_KEY": testGateway, "OPENAI_MODEL": "mine", "DASHSCOPE_API_KEY": "-"})
}

func TestPresetOpenCode(t *testing.T) {
	in := input([]string{"opencode", "run", "hi"}, allGateways[:2]...)
	in.Environ = []string{`OPENCODE_CONFIG_CONTENT={"model":"anthropic/x", // mine
		"provider":{"anthropic":{"options":{"apiKey":"real","timeout":9007199254740993},"models":{"x":{}}},"mine":{"options":{"apiKey":"own"}}},}`}
	p, env := mustPlan(t, in)
	var got map[string]any
	if err := json.Unmarshal([]byte(env["OPENCODE_CONFIG_CONTENT"]), &got); err != nil {
		t.Fatal(err)
	}
	text := env["OPENCODE_CONFIG_CONTENT"]
	for _, want := range []string{
		`"baseURL":"` + testBase + `/p/anthropic/default/v1"`, `"baseURL":"` + testBase + `/p/openai/default/v1"`,
		`"apiKey":"{env:KEYFOB_GATEWAY_KEY}"`, `"model":"anthropic/x"`, `"models":{"x":{}}`, `"apiKey":"own"`, `9007199254740993`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(text, "real") || strings.Contains(text, testGateway) {
		t.Errorf("a key stands in %s", text)
	}
	wantEnv(t, env, map[string]string{"OPENCODE_AUTH_CONTENT": "{}", "ANTHROPIC_API_KEY": "-"})
	if !strings.Contains(strings.Join(p.Environ(), "\n"), "KEYFOB_GATEWAY_KEY="+testGateway) {
		t.Error("the key that the configuration names is not set")
	}
}

func TestPresetOpenCodeManagesItsOwnLogins(t *testing.T) {
	for _, args := range [][]string{{"auth", "login"}, {"--print-logs", "providers", "list"}} {
		p, env := mustPlan(t, input(append([]string{"opencode"}, args...), allGateways...))
		wantEnv(t, env, map[string]string{"OPENCODE_AUTH_CONTENT": "-", "OPENCODE_CONFIG_CONTENT": "-"})
		if len(p.Guarded) != 0 {
			t.Error("nothing is hidden, so nothing is to be guarded")
		}
	}
	in := input([]string{"opencode"}, allGateways...)
	in.Environ = []string{"HOME=/home/u"}
	if p, _ := mustPlan(t, in); len(p.Guarded) != 1 {
		t.Errorf("guarded: %q", p.Guarded)
	}
}

func TestOpenCodeConfigThatCannotBeMerged(t *testing.T) {
	for _, text := range []string{`[1]`, `{"a":`, `"x"`, `{} {}`, `null`, `{"a":{env:PORT}}`} {
		in := input([]string{"opencode"}, allGateways...)
		in.Environ = []string{"OPENCODE_CONFIG_CONTENT=" + text}
		_, err := NewPlan(in)
		if core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestGenericGetsThemAll(t *testing.T) {
	_, env := mustPlan(t, input([]string{"npm", "test"}, allGateways...))
	for _, k := range []string{"ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY", "OPENCODE_CONFIG_CONTENT", "OPENCODE_AUTH_CONTENT"} {
		if env[k] == "" {
			t.Errorf("%s is not set", k)
		}
	}
	_, env = mustPlan(t, input([]string{"npm"}))
	for _, k := range []string{"ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENCODE_CONFIG_CONTENT", "OPENCODE_AUTH_CONTENT"} {
		if _, has := env[k]; has {
			t.Errorf("%s is set without an account", k)
		}
	}
}

// The order is the caller's, the secrets, Keyfob's own; custody variables and
// an outer workspace's never arrive.
func TestOrderOfSources(t *testing.T) {
	in := input([]string{"npm"}, allGateways[1])
	in.Environ = []string{
		"A=caller", "B=caller", "PATH=/bin", "KEYFOB_VAULT_KEY=root", "KEYFOB_VAULT_PASSPHRASE=root",
		"KEYFOB_SESSION_KEY=outer", "KEYFOB_URL=outer", "OPENAI_API_KEY=real", "XAI_API_KEY=real", "GROQ_API_KEY=",
	}
	in.Manifest.Env = []api.EnvDelivery{
		{Secret: "b", Name: "B", Value: api.NewValue([]byte("$A `x` \"q\"\n"))},
		{Secret: "k", Name: "OPENAI_API_KEY", Value: api.NewValue([]byte("stored"))},
		{Secret: "nul", Name: "N", Value: api.NewValue([]byte("a\x00b"))},
		{Secret: "own", Name: "KEYFOB_URL", Value: api.NewValue([]byte("evil"))},
	}
	p, env := mustPlan(t, in)
	wantEnv(t, env, map[string]string{
		"A": "caller", "B": "$A `x` \"q\"\n", "PATH": "/bin", "KEYFOB_VAULT_KEY": "-", "KEYFOB_VAULT_PASSPHRASE": "-",
		"KEYFOB_SESSION_KEY": "kfs_session", "KEYFOB_URL": testBase, "KEYFOB_WORKSPACE": "ws_1",
		"OPENAI_API_KEY": testGateway, "XAI_API_KEY": "-", "N": "-",
	})
	if got := names(p.TakenOut()); !slices.Equal(got, []string{"OPENAI_API_KEY", "XAI_API_KEY"}) {
		t.Errorf("taken out: %q", got)
	}
	want := map[string]string{"b": "delivered", "k": "conflict", "nul": "failed", "own": "failed"}
	for _, o := range p.Outcomes {
		if o.Secret != "" && o.State != want[o.Secret] {
			t.Errorf("%s is %s, want %s", o.Secret, o.State, want[o.Secret])
		}
	}
	i := slices.IndexFunc(p.Vars, func(v Var) bool { return v.Name == "OPENAI_API_KEY" })
	if v := p.Vars[i]; v.Source != "gateway" || v.Over != "secret k" {
		t.Errorf("the winner is not told: %+v", v)
	}
}

func names(vars []Var) []string {
	out := make([]string, 0, len(vars))
	for _, v := range vars {
		out = append(out, v.Name)
	}
	return out
}

// A key without an account for its provider was taken out with the words that
// the gateway stands in for it, and the client then failed without a reason.
func TestTakenOutKeysSayWhatStandsInForThem(t *testing.T) {
	in := input([]string{"npm"}, gatewayOf("anthropic", "anthropic", "CLAUDE_CODE_OAUTH_TOKEN"))
	in.Environ = []string{"ANTHROPIC_API_KEY=real", "OPENAI_API_KEY=real", "CURSOR_API_KEY=real", "CLAUDE_CODE_OAUTH_TOKEN=real"}
	in.Manifest.Env = []api.EnvDelivery{{Secret: "k", Name: "OPENAI_API_KEY", Value: api.NewValue([]byte("stored"))}}
	p, _ := mustPlan(t, in)
	want := map[string]string{
		"ANTHROPIC_API_KEY": whyRealKey,
		"CURSOR_API_KEY":    whyNoStand,
		"OPENAI_API_KEY": "a real provider key, and there is no enabled account of openai to stand in for it; " +
			"add one with: keyfob account add openai --label LABEL --from-env OPENAI_API_KEY",
	}
	for _, v := range p.Vars {
		if w := want[v.Name]; w != "" && strings.TrimPrefix(v.Why, "your own value is ") != w {
			t.Errorf("%s: %q", v.Name, v.Why)
		}
	}
	want["CLAUDE_CODE_OAUTH_TOKEN"] = whyRealKey
	for _, v := range p.TakenOut() {
		if v.Why != want[v.Name] {
			t.Errorf("taken out %s: %q", v.Name, v.Why)
		}
		delete(want, v.Name)
	}
	if len(want) > 0 {
		t.Errorf("not taken out: %v", want)
	}
}

// In a run inside of a run the outer one's gateway key was called a real key of
// the caller's.
func TestOuterGatewayKeyIsNoRealKey(t *testing.T) {
	in := input([]string{"npm"}, allGateways[0])
	outer := string(core.NewToken(core.GatewayKeyPrefix).Reveal())
	in.Environ = []string{"ANTHROPIC_API_KEY=" + outer, "OPENAI_API_KEY=" + outer}
	p, env := mustPlan(t, in)
	wantEnv(t, env, map[string]string{"ANTHROPIC_API_KEY": testGateway, "OPENAI_API_KEY": "-"})
	if got := p.TakenOut(); len(got) > 0 {
		t.Errorf("taken out: %v", got)
	}
}

func TestKeepEnvAndNoGateway(t *testing.T) {
	in := input([]string{"npm"}, allGateways...)
	in.Environ = []string{"OPENAI_API_KEY=real", "ANTHROPIC_API_KEY=real"}
	in.KeepEnv = []string{"OPENAI_API_KEY"}
	p, env := mustPlan(t, in)
	wantEnv(t, env, map[string]string{"OPENAI_API_KEY": "real", "ANTHROPIC_API_KEY": testGateway})
	if got := names(p.TakenOut()); !slices.Equal(got, []string{"ANTHROPIC_API_KEY"}) {
		t.Errorf("taken out: %q", got)
	}
	in.KeepEnv, in.GatewayKey = nil, api.Key{}
	in.Environ = append(in.Environ, "KEYFOB_VAULT_KEY=root", "KEYFOB_GATEWAY_KEY=outer")
	p, env = mustPlan(t, in)
	wantEnv(t, env, map[string]string{"OPENAI_API_KEY": "real", "ANTHROPIC_API_KEY": "real", "KEYFOB_VAULT_KEY": "-", "KEYFOB_GATEWAY_KEY": "-", "ANTHROPIC_BASE_URL": "-"})
	if len(p.TakenOut()) != 0 {
		t.Error("keys are taken out without a gateway")
	}
}

func TestNoProxy(t *testing.T) {
	for _, c := range []struct{ environ, upper, lower string }{
		{"", "127.0.0.1,::1", "127.0.0.1,::1"},
		{"NO_PROXY=a, b", "a,b,127.0.0.1,::1", "a,b,127.0.0.1,::1"},
		{"no_proxy=127.0.0.1", "127.0.0.1,::1", "127.0.0.1,::1"},
		{"NO_PROXY=*", "*", "*"},
	} {
		in := input([]string{"npm"})
		in.Environ = []string{c.environ}
		p, env := mustPlan(t, in)
		wantEnv(t, env, map[string]string{"NO_PROXY": c.upper, "no_proxy": c.lower})
		for name, value := range map[string]string{"NO_PROXY": c.upper, "no_proxy": c.lower} {
			told := slices.ContainsFunc(p.Vars, func(v Var) bool { return v.Name == name && v.Action == "set" })
			if changed := c.environ != name+"="+value; told != changed {
				t.Errorf("%q: %s is told: %v, is changed: %v", c.environ, name, told, changed)
			}
		}
	}
}

// No preset may carry the key where it would be seen: in arguments or in a
// configuration.
func TestPresetsAsData(t *testing.T) {
	files, err := fs.Glob(data, "data/clients/*.json")
	if err != nil || len(files) != len(presetNames)+1 {
		t.Fatalf("%d presets, %v", len(files), err)
	}
	for _, f := range files {
		var p preset
		if err := loadJSON(strings.TrimPrefix(f, "data/"), &p); err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rules {
			hidden, _ := json.Marshal([]any{r.Args, r.Merge})
			if strings.Contains(string(hidden), "{key}") {
				t.Errorf("%s: the key stands in arguments or configuration", f)
			}
			if (r.Provider == "") == (r.Dialect == "") {
				t.Errorf("%s: a rule is for a provider or a dialect", f)
			}
		}
	}
}

func FuzzMergeJSON(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"a":1,}`, `{/* c */"a":"//x"}`, "{// c\n}", `{"provider":[1]}`, `{"a":"\"/*"}`, `/*`, "\xef\xbb\xbf{}", `{"a":1e999}`} {
		f.Add(s)
	}
	over := map[string]any{"provider": map[string]any{"p": map[string]any{"k": "v"}}}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := mergeJSON(text, over)
		if err != nil {
			if json.Valid([]byte(text)) && strings.HasPrefix(strings.TrimSpace(text), "{") {
				t.Fatalf("a valid object is refused: %v", err)
			}
			return
		}
		var got map[string]any
		dec := json.NewDecoder(strings.NewReader(out))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("the merged text is no object: %v", err)
		}
		p, _ := got["provider"].(map[string]any)
		if q, _ := p["p"].(map[string]any); q["k"] != "v" {
			t.Fatalf("what was laid over is lost in %s", out)
		}
		if again, err := mergeJSON(out, over); err != nil || again != out {
			t.Fatalf("merging again changes %s to %s (%v)", out, again, err)
		}
	})
}
