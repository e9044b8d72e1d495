package vault

import (
	"slices"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"NPM_TOKEN": "", "kube config": "", "Schlüssel": "", "a.b-c@d": "", "...": "", strings.Repeat("n", 255): "",
		"": "blank", "   ": "blank", " a": "space", "a ": "space", "a/b": "/ ? #", "a?b": "/ ? #", "a#b": "/ ? #",
		"a\nb": "control", "a\x00b": "control", "a\u0085b": "control", ".": "URL", "..": "URL",
		"\u00a0a": "space", "a\xff": "UTF-8", strings.Repeat("n", 256): "255",
	} {
		checkRefusal(t, name, CheckName(name), want, "name")
	}
}

func TestCheckEnv(t *testing.T) {
	for name, want := range map[string]string{
		"NPM_TOKEN": "", "_x": "", "a1": "", strings.Repeat("A", 256): "", "GITHUB_TOKEN": "", "LCD": "", "CODERS": "",
		"AWS_SECRET_ACCESS_KEY": "", "KUBECONFIG": "", "LANGFUSE_KEY": "",
		"": "cannot be", "1A": "cannot be", "A-B": "cannot be", "A B": "cannot be", "A=B": "cannot be", "Ä": "cannot be", "A\n": "cannot be",
		strings.Repeat("A", 257): "longer",
	} {
		checkRefusal(t, name, checkEnv(name, nil), want, "env")
	}
}

// The names stand here a second time on purpose: taking one off the list must
// fail a test.
func TestReservedVariables(t *testing.T) {
	const names = `PATH HOME SHELL USER LOGNAME PWD OLDPWD LANG TERM IFS CDPATH ENV BASH_ENV TMPDIR TMP TEMP HOSTNAME
		SSH_AUTH_SOCK SSH_CLIENT SSH_CONNECTION SSH_TTY EDITOR VISUAL PAGER XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME
		XDG_CACHE_HOME XDG_STATE_HOME VSCODE_PROXY_URI CS_DISABLE_GETTING_STARTED_OVERRIDE CODER CODER_AGENT_TOKEN
		GIT_SSH_COMMAND GIT_ASKPASS LC_ALL LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES KEYFOB_URL KEYFOB_VAULT_KEY
		NODE_OPTIONS PYTHONSTARTUP PYTHONPATH PYTHONHOME PERL5OPT PERL5LIB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS
		_JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH BASH_FUNC_ls PROMPT_COMMAND ZDOTDIR DOTNET_STARTUP_HOOKS LUA_INIT_5_4
		Path ld_preload git_dir keyfob_x`
	for name := range strings.FieldsSeq(names) {
		checkRefusal(t, name, checkEnv(name, nil), "is reserved: ", "env")
	}
}

func TestReservedListIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, class := range slices.Concat(reserved, reservedOfOrg) {
		if class.why == "" || strings.HasSuffix(class.why, ".") {
			t.Errorf("the reason %q does not end a sentence", class.why)
		}
		for one := range strings.FieldsSeq(class.names) {
			if one != strings.ToUpper(one) || seen[one] || !envName().MatchString(strings.Replace(one, "*", "_", 1)) {
				t.Errorf("%s is lower-case, twice on the list or no variable", one)
			}
			seen[one] = true
		}
	}
	for _, class := range reservedOfOrg {
		for one := range strings.FieldsSeq(class.names) {
			if why, yes := Reserved(strings.Replace(one, "*", "x", 1)); yes && !strings.Contains(one, "*") {
				t.Errorf("nobody's secrets are delivered as %s anyway: %s", one, why)
			}
		}
	}
	for _, name := range credentials() {
		if _, yes := among(reservedOfOrg, name); !yes {
			t.Errorf("%s is excepted from nothing", name)
		}
	}
}

func TestCheckFile(t *testing.T) {
	for path, want := range map[string]string{
		"~/.kube/config": "", "/etc/x": "", "~/a/../b": "", "/a/../../b": "", "~/..x": "", "~/ü": "", "~//a": "",
		"/" + strings.Repeat("p", 4095): "",
		"":                              "begins", "x": "begins", "~": "begins", "~root/x": "begins", "./x": "begins", `C:\x`: "begins",
		"~/": "directory", "/": "directory", "~/a/": "directory", "~/a/..": "directory", "~/.": "directory", "/..": "directory",
		"~/../x": "out of the home", "~/a/../../x": "out of the home", "~//../x": "out of the home",
		"~/a\x00b": "NUL", "/a\xff": "UTF-8", "/" + strings.Repeat("p", 4096): "4096",
	} {
		checkRefusal(t, path, CheckFile(path), want, "file")
	}
}

func TestCleanFile(t *testing.T) {
	for in, want := range map[string]string{
		"~/a/./b": "~/a/b", "~//a//b": "~/a/b", "~/a/../b": "~/b", "/a/../../b": "/b", "/a//b": "/a/b", "~/b": "~/b",
	} {
		if got := CleanFile(in); got != want {
			t.Errorf("CleanFile(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckValue(t *testing.T) {
	l := Limits{}.filled()
	text := func(n int) secret.Secret { return secret.FromString(strings.Repeat("v", n)) }
	for _, c := range []struct {
		name, env, want, field string
		value                  secret.Secret
	}{
		{"one byte", "", "", "", text(1)},
		{"any bytes", "A", "", "", secret.New([]byte{1, 0xff, '\n'})},
		{"largest", "", "", "", text(1 << 20)},
		{"largest variable", "A", "", "", text(96 << 10)},
		{"empty", "", "is empty", "value", text(0)},
		{"too large", "", "at most 1048576", "value", text(1<<20 + 1)},
		{"too large a variable", "A", "at most 98304", "env", text(96<<10 + 1)},
		{"NUL", "", "NUL", "value", secret.New([]byte("ab\x00c"))},
	} {
		checkRefusal(t, c.name, l.checkValue(c.value, c.env), c.want, c.field)
	}
}

// checkRefusal wants nil for an empty text, else an invalid error that holds it,
// names the field and has a hint.
func checkRefusal(t *testing.T, input string, err error, want, field string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%.80q is refused: %v", input, err)
		}
		return
	}
	e, ok := err.(*core.Error)
	if !ok || e.Code != core.Invalid || !strings.Contains(e.Message, want) || e.Field != field || e.Hint == "" {
		t.Errorf("%.80q gives %#v, want invalid with %q, field %s and a hint", input, err, want, field)
	}
}
