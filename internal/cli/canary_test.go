package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/keyfobtest"
)

// TestCanary uses every command with known values, with success and failure,
// and searches every byte that came out and every file that is left. Only what
// prints a value on purpose may show one, and only the client's own request
// carries a key.
func TestCanary(t *testing.T) {
	t.Parallel()
	c := newCanaryRun(t)
	for _, s := range steps() {
		c.step(s)
	}
	c.everyCommandWasUsed()
	c.damage()
	for _, s := range damaged() {
		c.step(s)
	}
	c.searchFiles()
	c.searchRequests()
}

type canaryRun struct {
	t        *testing.T
	dir      string
	provider *keyfobtest.Provider
	canary   *keyfobtest.Canary
	used     map[string]string // command to "success", "failure" or both
}

func newCanaryRun(t *testing.T) *canaryRun {
	t.Helper()
	c := &canaryRun{t: t, dir: t.TempDir(), canary: keyfobtest.NewCanary(canaries), used: map[string]string{}}
	c.provider = keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: canaries["account key"]}, {Name: "second", Key: canaries["second key"], Then: keyfobtest.Unauthorized()},
	}})
	bad := canaries["bad import"]
	c.write("nul", canaries["NUL value"]+"\x00")
	c.write("import.env", "IMPORTED="+canaries["import value"]+"\n")
	c.write("bad.env", "OK="+bad+"\nnot an entry "+bad+"\n")
	c.write("bad.json", `{"A": {"`+bad+`": "`+bad+`"}, `+bad+`}`)
	c.write("bad.yaml", "A: ["+bad+"\nB: &x "+bad+"\n")
	return c
}

func (c *canaryRun) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// home is all that Keyfob may write: its vault, and the user's home directory.
func (c *canaryRun) home() string { return filepath.Join(c.dir, "home") }

func (c *canaryRun) environ() []string {
	return []string{
		"HOME=" + c.home(), "KEYFOB_HOME=" + filepath.Join(c.home(), "vault"), "TMPDIR=" + filepath.Join(c.home(), "tmp"),
		"GORACE=exitcode=66", "PATH=" + filepath.Dir(keyfob) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"KEYFOB_VAULT_KEY=" + canaries["vault key"], "CNRY_KEY=" + canaries["variable's key"],
		"ANTHROPIC_API_KEY=" + canaries["own key"], "NO_PROXY=127.0.0.1",
		"HTTPS_PROXY=http://user:" + canaries["proxy password"] + "@127.0.0.1:1", "KEYFOB_TEST_CLIENT=1",
	}
}

func (c *canaryRun) step(s step) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Join(c.home(), "tmp"), 0o700); err != nil {
		c.t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(keyfob, c.args(s)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.environ(), c.dir, &out, &errs
	cmd.Stdin = strings.NewReader(c.input(s))
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && e.ExitCode() == 66 {
		c.t.Fatalf("%s: %v\n%s", s.args, err, errs.Bytes())
	}
	if (err != nil) != s.fails {
		c.t.Errorf("%s: %v, fails: %v\n%s%s", s.args, err, s.fails, out.Bytes(), errs.Bytes())
	}
	c.note(s)
	c.search(s, out.Bytes(), errs.Bytes())
}

func (c *canaryRun) args(s step) []string {
	r := strings.NewReplacer("{dir}", c.dir, "{provider}", c.provider.URL(), "{argument}", canaries["argument"], "{client}", os.Args[0])
	return strings.Split(r.Replace(s.args), " ")
}

// input is what a step reads. A key with a line break in it is a bad one.
func (c *canaryRun) input(s step) string {
	if s.stdin == "bad key" {
		return canaries[s.stdin] + "\nmore"
	}
	return canaries[s.stdin]
}

func (c *canaryRun) search(s step, out, errs []byte) {
	c.t.Helper()
	hits := c.canary.Find(errs)
	found := c.canary.Find(out)
	if s.shows && len(found) == 0 {
		c.t.Errorf("%s shows no value, so this search may be blind:\n%s%s", s.args, out, errs)
	}
	if !s.shows {
		hits = append(hits, found...)
	}
	for _, h := range hits {
		c.t.Errorf("keyfob %s let out: %v", s.args, h)
	}
	if token.Match(out) || token.Match(errs) {
		c.t.Errorf("keyfob %s let out a key of its workspace", s.args)
	}
}

// note records which commands were used, and how.
func (c *canaryRun) note(s step) {
	words := strings.Fields(s.args)
	for i := range words {
		outcome := "success "
		if s.fails {
			outcome = "failure "
		}
		c.used[strings.Join(words[:i+1], " ")] += outcome
	}
}
