package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"keyfob/api"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain, ümlaut, 漢字":       "plain, ümlaut, 漢字",
		"a\x1b[31mred":            `a\x1b[31mred`,
		"a\nkeyfob: all is well":  `a\nkeyfob: all is well`,
		"a\rb\tc\x00d\x7f\u009b2": `a\rb\tc\x00d\x7f\u009b2`,
		"abc\u202egpj.exe":        `abc\u202egpj.exe`,
		"\xff":                    `\ufffd`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;title\x07")
	f.Add("\u2066x\u2069\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
			t.Errorf("Clean(%q) = %q moves the terminal", s, got)
		}
		if Clean(got) != got {
			t.Errorf("Clean changes its own output %q", got)
		}
	})
}

func TestParseRef(t *testing.T) {
	for in, want := range map[string]string{"a/b": "a||b", "a/b/c": "a|b|c"} {
		r, err := parseRef(in)
		if got := r.Provider + "|" + r.Namespace + "|" + r.Label; err != nil || got != want {
			t.Errorf("parseRef(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "/", "a/", "/b", "a//c", "a/b/c/d", "../x", "a/..", "a/./b"} {
		if r, err := parseRef(in); err == nil {
			t.Errorf("parseRef(%q) = %v, want an error", in, r)
		}
	}
}

func TestParseAgo(t *testing.T) {
	for in, want := range map[string]time.Duration{"7d": 168 * time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute} {
		if got, err := parseAgo(in); err != nil || got != want {
			t.Errorf("parseAgo(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "0d", "-1d", "99999d", "-1h", "0s", "week"} {
		if got, err := parseAgo(in); err == nil {
			t.Errorf("parseAgo(%q) = %v, want an error", in, got)
		}
	}
}

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Second: "5s", 192 * time.Second: "3m 12s", 3*time.Hour + 2*time.Minute + time.Second: "3h 2m", 49 * time.Hour: "2d 1h",
	} {
		if got := left(d); got != want {
			t.Errorf("left(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestImportFormat(t *testing.T) {
	for path, want := range map[string]string{
		".env": "env", "x/prod.env": "env", ".env.local": "env", "a.JSON": "json", "b.yml": "yaml", "b.yaml": "yaml", "secrets.txt": "", "-": "",
	} {
		if got, _ := importFormat(path, ""); got != want {
			t.Errorf("importFormat(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestVariableFor(t *testing.T) {
	for in, want := range map[string]string{"npm-token": "NPM_TOKEN", "8ball": "_8BALL", "é": "_", "OK_1": "OK_1"} {
		if got := variableFor(in); got != want {
			t.Errorf("variableFor(%q) = %q, want %q", in, got, want)
		}
	}
}

// An argument in a wrong place may be a value that was pasted there: no message
// repeats it.
func TestUsageErrorsRepeatNoArgument(t *testing.T) {
	const pasted = "sk-ant-Api03-Pasted_by_mistake"
	for _, args := range [][]string{
		{pasted}, {"secret", pasted}, {"secret", "set", "N", pasted}, {"secret", "set", "N=" + pasted},
		{"secret", "set", "N", "--" + pasted}, {"secret", "set", "N", "-p" + pasted}, {"account", "add", "x/y", pasted},
		{"--output", pasted, "version"}, {"audit", "list", "--limit", pasted}, {"status", "--since", pasted},
		{"account", "show", pasted}, {"secret", "set", "N", "--value=" + pasted}, {"secret", "edit", "N", "--lookup=" + pasted},
	} {
		var out, errs bytes.Buffer
		e := &Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Environ: []string{"KEYFOB_HOME=" + t.TempDir()}}
		if code := Main(t.Context(), e); code != api.ExitOf(api.CodeInvalid) {
			t.Errorf("%q: exit code %d, want 2: %s", args, code, errs.String())
		}
		if all := out.String() + errs.String(); strings.Contains(all, "Pasted") || strings.Contains(all, "Api03") {
			t.Errorf("%q repeats its argument:\n%s", args, all)
		}
		if !strings.Contains(errs.String(), "\nhint: ") {
			t.Errorf("%q: no hint in:\n%s", args, errs.String())
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	(&Env{Stdout: &out}).Table([]string{"NAME", "STATE"}, [][]string{{"ü", "ready"}, {"longer", "a\x1bb"}})
	const want = "NAME    STATE\nü       ready\nlonger  a\\x1bb\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestAreas(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "secrets:read": "secrets:read", "secrets:read secrets:write tokens:read": "secrets:read,write tokens:read",
		"a:x b:x a:y": "a:x b:x a:y",
	} {
		if got := areas(strings.Fields(in)); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}
