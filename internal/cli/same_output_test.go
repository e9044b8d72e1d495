package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keyfob/keyfobtest"
)

// sameSteps are commands whose output has to be the same, byte for byte, on this
// machine's vault and at a server, once addresses, times and ids are put aside.
var sameSteps = []step{
	{args: "secret list"}, {args: "account list"}, {args: "status"},
	{args: "secret set ONE --env ONE --description first", stdin: "env value"},
	{args: "secret set ONE --env ONE", stdin: "replaced value"},
	{args: "secret set TWO --file ~/.two --lookup --selector team=web -o json", stdin: "lookup value"},
	{args: "secret set BAD --env PATH", stdin: "env value"}, {args: "secret set BAD --env PATH -o json", stdin: "env value"},
	{args: "secret list"}, {args: "secret list -o json"}, {args: "secret show ONE"}, {args: "secret show NOPE"}, {args: "secret show NOPE -o json"},
	{args: "secret edit ONE --lookup"}, {args: "secret edit ONE"}, {args: "secret disable TWO"}, {args: "secret enable TWO -o json"},
	{args: "secret reveal ONE"}, {args: "secret reveal ONE --confirm TWO"}, {args: "secret reveal NOPE --confirm NOPE"},
	{args: "account add anthropic/work --base-url {provider}", stdin: "account key"},
	{args: "account add anthropic/second --base-url {provider} -o json", stdin: "second key"},
	{args: "account add anthropic/work", stdin: "account key"}, {args: "account add nosuch/x", stdin: "account key"},
	{args: "account list"}, {args: "account show anthropic/work"}, {args: "account move anthropic/second --first"},
	{args: "account test anthropic/work"}, {args: "account test anthropic/second"}, {args: "account clear anthropic/second"},
	{args: "pool list"}, {args: "pool edit anthropic --strategy round_robin -o json"}, {args: "pool show nobody"},
	{args: "llm set review --model m --provider anthropic"}, {args: "llm list"}, {args: "llm use nope -o json"},
	{args: "mcp add issues --url https://mcp.example.com --token", stdin: "MCP token"}, {args: "mcp list"}, {args: "mcp edit issues"},
	{args: "run -- printenv ONE"}, {args: "run --label team=web -- cat {home}/.two"}, {args: "run -- false"}, {args: "run -- no-such-command"},
	{args: "run --only NOPE -- true"}, {args: "run --print-env -- claude"}, {args: "run --print-env -o json -- sh"},
	{args: "run -- keyfob get ONE"}, {args: "run -- keyfob get NOPE"}, {args: "run -- keyfob get --list"}, {args: "get ONE"},
	{args: "run -- {client}"}, {args: "status"}, {args: "usage --by model"}, {args: "usage --by model -o json"},
	{args: "workspace list"}, {args: "workspace show nope"}, {args: "apply -f missing"},
	{args: "secret set ORG --org --env ORG", stdin: "org value"}, {args: "secret list --org"}, {args: "secret set RC --org --file ~/.bashrc", stdin: "org value"},
	{args: "secret rm ONE"}, {args: "secret rm ONE --yes"}, {args: "secret rm ONE --yes -o json"}, {args: "account rm anthropic/second --yes"},
	{args: "audit list --limit 0"}, {args: "audit verify extra"}, {args: "version"}, {args: "frobnicate"},
}

func TestTheSameOutputAtAServer(t *testing.T) {
	t.Parallel()
	here, there := newSameRun(t, false), newSameRun(t, true)
	for _, s := range sameSteps {
		a, b := here.output(s), there.output(s)
		if a != b {
			t.Errorf("keyfob %s prints here\n%s\nand at a server\n%s", s.args, a, b)
		}
	}
}

// sameRun is a home with a provider, and a server or none.
type sameRun struct {
	t        *testing.T
	dir      string
	provider *keyfobtest.Provider
}

func newSameRun(t *testing.T, server bool) *sameRun {
	t.Helper()
	r := &sameRun{t: t, dir: t.TempDir()}
	r.provider = keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: canaries["account key"]}, {Name: "second", Key: canaries["second key"], Then: keyfobtest.Unauthorized()},
	}})
	if err := os.Mkdir(filepath.Join(r.dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !server {
		r.output(step{args: "vault init"})
		return r
	}
	s, err := startServer(r.dir, "serve", "--listen", "127.0.0.1:0", "--upstream-allow", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the server: %v\n%s", err, s.log())
		}
	})
	if err := s.login(filepath.Join(r.dir, "vault")); err != nil {
		t.Fatal(err)
	}
	return r
}

// output is everything that a command prints, and its exit code.
func (r *sameRun) output(s step) string {
	r.t.Helper()
	home := filepath.Join(r.dir, "home")
	args := strings.NewReplacer("{provider}", r.provider.URL(), "{client}", os.Args[0], "{home}", home).Replace(s.args)
	var out, errs bytes.Buffer
	cmd := exec.Command(keyfob, strings.Split(args, " ")...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Stdin = home, &out, &errs, strings.NewReader(canaries[s.stdin])
	cmd.Env = []string{
		"HOME=" + home, "KEYFOB_HOME=" + filepath.Join(r.dir, "vault"), "GORACE=exitcode=66 atexit_sleep_ms=10", "KEYFOB_TEST_CLIENT=1", "NO_PROXY=127.0.0.1",
		"PATH=" + filepath.Dir(keyfob) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && e.ExitCode() == 66 {
		r.t.Fatalf("%s: %v\n%s", s.args, err, errs.Bytes())
	}
	return aside(fmt.Sprintf("exit %d\n%s--\n%s", cmd.ProcessState.ExitCode(), out.Bytes(), errs.Bytes()), r.dir)
}

// aside puts away what differs between any two runs.
func aside(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "DIR")
	for pattern, word := range map[string]string{
		`http://127\.0\.0\.1:\d+`:                         "ADDRESS",
		`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`:     "TIME",
		`\b(sec|acc|wsp|prf|mcp|llm|usr|err)_[a-z0-9]+\b`: "ID",
		`"(id|workspace)": "[a-z]+_[a-z0-9]+"`:            `"id": "ID"`,
		`"version": \d{6,}`:                               `"version": N`,
		`msg_[A-Za-z0-9]+`:                                "MESSAGE",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, word)
	}
	return text
}
