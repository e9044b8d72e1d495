package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	c.atAServer()
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
	server   *testServer       // nil: commands act on this machine's vault
	ids      map[string]string // of what was made last, by kind
}

func newCanaryRun(t *testing.T) *canaryRun {
	t.Helper()
	c := &canaryRun{t: t, dir: t.TempDir(), canary: keyfobtest.NewCanary(canaries), used: map[string]string{}, ids: map[string]string{}}
	c.provider = keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: canaries["account key"]}, {Name: "second", Key: canaries["second key"], Then: keyfobtest.Unauthorized()},
	}})
	bad := canaries["bad import"]
	c.write("nul", canaries["NUL value"]+"\x00")
	c.write("import.env", "IMPORTED="+canaries["import value"]+"\n")
	c.write("bad.env", "OK="+bad+"\nnot an entry "+bad+"\n")
	c.write("bad.json", `{"A": {"`+bad+`": "`+bad+`"}, `+bad+`}`)
	c.write("bad.yaml", "A: ["+bad+"\nB: &x "+bad+"\n")
	c.write("header", canaries["MCP header"])
	c.write("mcpvar", canaries["MCP variable"])
	c.write("orgvalue", canaries["org value"])
	c.write("org.yaml", "secrets:\n- {name: APPLIED, env: APPLIED, value_from: {file: orgvalue}}\naccounts:\n- {provider: anthropic, label: applied, value_from: {env: CNRY_ORG_KEY}}\n")
	c.write("badorg.yaml", "secrets:\n- {name: APPLIED, value: "+bad+"}\n")
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

// atAServer signs in to one and out again.
func (c *canaryRun) atAServer() {
	c.t.Helper()
	s, err := startServer(c.home(), "serve", "--listen", "127.0.0.1:0", "--upstream-allow", "127.0.0.1")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = s.stop() }()
	c.server = s
	for _, one := range signedIn() {
		c.step(one)
	}
	c.server = nil
	if err := s.stop(); err != nil {
		c.t.Errorf("the server: %v", err)
	}
	log := []byte(s.log())
	for _, h := range c.canary.Find(log) {
		c.t.Errorf("the server's log holds %v", h)
	}
	if token.Match(log) || !strings.Contains(s.log(), "serving") {
		c.t.Errorf("the server's log holds a key, or nothing:\n%s", log)
	}
}

// vault is where a step's keyfob keeps its state.
func (c *canaryRun) vault(s step) string {
	switch {
	case s.operator:
		return c.server.home
	case c.server != nil:
		return filepath.Join(c.home(), "client")
	}
	return filepath.Join(c.home(), "vault")
}

func (c *canaryRun) environ(s step) []string {
	return []string{
		"HOME=" + c.home(), "KEYFOB_HOME=" + c.vault(s), "CNRY_ORG_KEY=" + canaries["org key"], "TMPDIR=" + filepath.Join(c.home(), "tmp"),
		"GORACE=exitcode=66 atexit_sleep_ms=10", "PATH=" + filepath.Dir(keyfob) + string(os.PathListSeparator) + os.Getenv("PATH"),
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
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.environ(s), c.dir, &out, &errs
	cmd.Stdin = strings.NewReader(c.input(s))
	err := c.run(cmd, s)
	if e, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && e.ExitCode() == 66 {
		c.t.Fatalf("%s: %v\n%s", s.args, err, errs.Bytes())
	}
	if (err != nil) != s.fails {
		c.t.Errorf("%s: %v, fails: %v\n%s%s", s.args, err, s.fails, out.Bytes(), errs.Bytes())
	}
	c.note(s)
	for _, id := range madeID.FindAllString(out.String()+errs.String(), -1) {
		c.ids[id[:3]] = id
	}
	c.search(s, out.Bytes(), errs.Bytes())
}

// madeID is the id of a workspace, a token or a browser session.
var madeID = regexp.MustCompile(`\b(wsp|tok|brs)_[a-z0-9]+\b`)

// run runs the command; a browser approves what takes one.
func (c *canaryRun) run(cmd *exec.Cmd, s step) error {
	if c.server == nil || !takesBrowser(s.args) {
		return cmd.Run()
	}
	stop := c.server.clicking("approve")
	err := cmd.Run()
	if berr := stop(); berr != nil {
		c.t.Errorf("the browser: %v", berr)
	}
	return err
}

func (c *canaryRun) args(s step) []string {
	words := []string{
		"{dir}", c.dir, "{provider}", c.provider.URL(), "{argument}", canaries["argument"], "{client}", os.Args[0],
		"{workspace}", c.ids["wsp"], "{token}", c.ids["tok"], "{session}", c.ids["brs"],
	}
	if c.server != nil {
		words = append(words, "{server}", c.server.ready.URL, "{code}", c.server.ready.Code)
	}
	r := strings.NewReplacer(words...)
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
	if s.keys != token.Match(out) || token.Match(errs) {
		c.t.Errorf("keyfob %s let out a key, or not the one that it was to: %v", s.args, s.keys)
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
