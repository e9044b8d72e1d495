//go:build e2e && linux

package e2e

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/keyfobtest"
)

// The user's own logins, which are nobody's business but the client's.
const (
	ownKey     = "sk-ant-api03-OWN-9vBn2mKx7qWe4rTy6uIo1pAs3dFg5hJk"
	ownOpenAI  = "sk-proj-OWN-4fGh8jKl2zXc6vBn0mQw5eRt9yUi3oPa"
	ownAccess  = "sk-ant-oat01-OWN-1aSd5fGh9jKl3zXc7vBn2mQw6eRt0yUi"
	ownRefresh = "sk-ant-ort01-OWN-7yUi1oPa5sDf9gHj3kLz8xCv2bNm6qWe"
)

var ownLogins = map[string]string{"the own key": ownKey, "the own OpenAI key": ownOpenAI, "the own access token": ownAccess, "the own refresh token": ownRefresh}

const (
	// An OAuth entry for OpenAI is the sharpest: OpenCode's own plugin for it
	// would leave every base URL aside and send the refresh token out.
	openCodeLogins = `{
  "anthropic": {"type": "api", "key": "` + ownKey + `"},
  "openai": {"type": "oauth", "refresh": "` + ownRefresh + `", "access": "` + ownAccess + `", "expires": 1},
  "openrouter": {"type": "api", "key": "` + ownOpenAI + `"}
}
`
	openCodeOAuth = `{
  "anthropic": {"type": "oauth", "refresh": "` + ownRefresh + `", "access": "` + ownAccess + `", "expires": 1},
  "openai": {"type": "api", "key": "` + ownOpenAI + `"}
}
`
	codexLogin  = `{"auth_mode": "apikey", "OPENAI_API_KEY": "` + ownOpenAI + `", "tokens": null}`
	claudeLogin = `{"claudeAiOauth": {"accessToken": "` + ownAccess + `", "refreshToken": "` + ownRefresh + `", "expiresAt": 4102444800000, "scopes": ["user:inference"]}}`
)

// openCodeLookups are its public list of models.
var openCodeLookups = []string{"models.opencode.ai"}

// clients are official programs as their makers ship them.
var clients = []struct {
	name     string
	provider string   // whose accounts they use
	path     string   // of the accounts' base URL
	command  []string // one question, then the end
	process  string   // the program's process
	file     string   // with the user's own login, below HOME
	login    string
	env      []string // of the user
	lookups  []string // names that the client asks for by itself, without a credential
}{
	{
		name: "opencode over anthropic", provider: "anthropic", process: "opencode",
		command: []string{"opencode", "run", "hello"},
		file:    ".local/share/opencode/auth.json", login: openCodeLogins,
		lookups: openCodeLookups,
	},
	{
		name: "opencode over anthropic with an OAuth login", provider: "anthropic", process: "opencode",
		command: []string{"opencode", "run", "hello"},
		file:    ".local/share/opencode/auth.json", login: openCodeOAuth,
		lookups: openCodeLookups,
	},
	{
		name: "opencode over openai", provider: "openai", path: "/v1", process: "opencode",
		command: []string{"opencode", "run", "hello"},
		file:    ".local/share/opencode/auth.json", login: openCodeLogins,
		lookups: openCodeLookups,
	},
	{
		name: "claude code", provider: "anthropic", process: "claude",
		command: []string{"claude", "-p", "hello"},
		file:    ".claude/.credentials.json", login: claudeLogin,
		env:     []string{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"},
		lookups: []string{"api.anthropic.com", "platform.claude.com"}, // its own login's affairs
	},
	{
		name: "codex", provider: "openai", path: "/v1", process: "codex",
		command: []string{"codex", "exec", "--skip-git-repo-check", "hello"},
		file:    ".codex/auth.json", login: codexLogin,
		lookups: []string{"ab.chatgpt.com", "chatgpt.com", "github.com", "api.github.com"}, // telemetry and its plugins' list
	},
	{
		name: "gemini cli", provider: "google", process: "node",
		command: []string{"gemini", "--skip-trust", "-m", "gemini-2.5-flash", "-p", "hello"},
		file:    ".gemini/.env", login: "GEMINI_API_KEY=" + ownOpenAI + "\n",
		lookups: []string{"play.googleapis.com"}, // telemetry
	},
	{
		name: "qwen code", provider: "openai", path: "/v1", process: "node",
		command: []string{"qwen", "-p", "hello"},
		file:    ".qwen/oauth_creds.json", login: `{"access_token": "` + ownAccess + `", "refresh_token": "` + ownRefresh + `", "token_type": "Bearer", "expiry_date": 1}`,
		env:     []string{"OPENAI_MODEL=qwen3-coder"},
		lookups: []string{"gb4w8c3ygj-default-sea.rum.aliyuncs.com"}, // telemetry
	},
}

// TestClientsFailOverUnnoticed is the main job: an official client, whose
// provider's first account is rate-limited for an hour, answers at once over the
// second; its own login stays where it is, and no real key is near it.
func TestClientsFailOverUnnoticed(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.env = append(p.env, c.env...)
			own := p.foreign(t, c.file, c.login)
			w := &witness{home: p.home}
			server := p.twoAccounts(t, c.provider, c.path, keyfobtest.Options{
				Text: func(string, string) string { w.look(); return answer },
			})
			before := networkNow(t)

			got := p.keyfob(t, "", append([]string{"run", "--"}, c.command...)...).must(t)

			if !strings.Contains(got.out, answer) {
				t.Errorf("the answer did not arrive\nstdout: %s\nstderr: %s", got.out, got.errors)
			}
			wantFailover(t, server.Requests())
			wantNoneOf(t, ownLogins, server.Requests())
			keys := accountKeys(c.provider)
			wantNoneOf(t, keys, server.Requests())
			own.wantUntouched(t)
			w.wantClean(t, c.process, keys)
			for _, dir := range []string{p.home, p.work, p.state} {
				wantNoneBelow(t, keys, dir)
			}
			before.wantOnly(t, c.lookups...)
		})
	}
}

func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// TestCallersOwnKeysAreTakenOut starts a client from a shell that has real keys
// of its own in its environment.
func TestCallersOwnKeysAreTakenOut(t *testing.T) {
	p := newPlace(t)
	p.env = append(p.env, "ANTHROPIC_API_KEY="+ownKey, "OPENAI_API_KEY="+ownOpenAI, "CLAUDE_CODE_OAUTH_TOKEN="+ownAccess)
	w := &witness{home: p.home}
	server := p.twoAccounts(t, "anthropic", "", keyfobtest.Options{
		Text: func(string, string) string { w.look(); return answer },
	})
	before := networkNow(t)

	got := p.keyfob(t, "", "run", "--", "opencode", "run", "hello").must(t)

	if !strings.Contains(got.out, answer) {
		t.Errorf("the answer did not arrive\nstdout: %s\nstderr: %s", got.out, got.errors)
	}
	if !strings.Contains(got.errors, "ANTHROPIC_API_KEY") {
		t.Errorf("the variable that was taken out is not named:\n%s", got.errors)
	}
	wantFailover(t, server.Requests())
	wantNoneOf(t, ownLogins, server.Requests())
	w.wantClean(t, "opencode", merged(accountKeys("anthropic"), ownLogins))
	before.wantOnly(t, openCodeLookups...)
}

// TestTwoSessionsShareACooldown runs a client twice: the second run knows what
// the first one learned and leaves the limited account alone.
func TestTwoSessionsShareACooldown(t *testing.T) {
	p := newPlace(t)
	server := p.twoAccounts(t, "anthropic", "", keyfobtest.Options{})
	p.keyfob(t, "", "run", "--", "opencode", "run", "hello").must(t)
	first := len(server.Requests())

	p.keyfob(t, "", "run", "--", "opencode", "run", "hello again").must(t)

	for _, r := range server.Requests()[first:] {
		if r.Account != "personal" {
			t.Errorf("request %d of the second session went to the limited account", r.N)
		}
	}
	if len(server.Requests()) == first {
		t.Error("the second session asked nothing")
	}
}

// TestAllAccountsCooling gives the client a local 429 and no request to the
// provider beyond one for each account and model.
func TestAllAccountsCooling(t *testing.T) {
	p := newPlace(t)
	server := p.twoAccounts(t, "anthropic", "", keyfobtest.Options{})
	server.Set(personalKey("anthropic"), keyfobtest.RateLimited(0))
	script := p.write(t, "ask.mjs", `
import Anthropic from "`+filepath.Join(clientModules(t), "@anthropic-ai/sdk/index.mjs")+`";
const client = new Anthropic({ maxRetries: 0 });
for (let i = 0; i < 3; i++) {
  try {
    await client.messages.create({ model: "test-large", max_tokens: 9, messages: [{ role: "user", content: "hello" }] });
    console.log("answered");
  } catch (e) {
    console.log(e.status, e.headers?.get("keyfob-local"), Number(e.headers?.get("retry-after")) > 0);
  }
}
`)
	got := p.keyfob(t, "", "run", "--", "node", script).must(t)

	if want := strings.Repeat("429 all_cooling true\n", 3); got.out != want {
		t.Errorf("got %q, want %q\n%s", got.out, want, got.errors)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("the provider was asked %d times, want once for each account", n)
	}
}

// TestDemo runs the demonstration where there is nothing but the loopback.
func TestDemo(t *testing.T) {
	p := newPlace(t)
	before := networkNow(t)
	got := p.keyfob(t, "", "demo").must(t)
	for _, want := range []string{"429", "keyfob secret set", "keyfob account add", "keyfob run"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in:\n%s", want, got.out)
		}
	}
	before.wantOnly(t)
}
