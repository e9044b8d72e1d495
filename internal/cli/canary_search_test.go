package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// commandHeading is the heading of a command that can be called: its line of
// usage follows.
var commandHeading = regexp.MustCompile("(?m)^##+ keyfob ([a-z -]+)\n\n```$")

// token is a key of any kind.
var token = regexp.MustCompile("kf[a-z]_[a-z2-7]{59}")

// everyCommandWasUsed takes the list of commands from the reference, so that a
// new one cannot be forgotten here.
func (c *canaryRun) everyCommandWasUsed() {
	c.t.Helper()
	docs := filepath.Join(c.dir, "docs")
	if out, err := exec.Command(keyfob, "gen-docs", docs).CombinedOutput(); err != nil {
		c.t.Fatalf("gen-docs: %v\n%s", err, out)
	}
	page, err := os.ReadFile(filepath.Join(docs, "commands.md"))
	if err != nil {
		c.t.Fatal(err)
	}
	headings := commandHeading.FindAllSubmatch(page, -1)
	if len(headings) < 30 {
		c.t.Fatalf("only %d commands in the reference", len(headings))
	}
	for _, h := range headings {
		name := strings.TrimSpace(string(h[1]))
		if got := c.used[name]; !strings.Contains(got, "failure") || !strings.Contains(got, "success") && name != "get" {
			c.t.Errorf("the canary does not use keyfob %s with success and failure: %q", name, got)
		}
	}
}

// damage makes every ciphertext another one's.
func (c *canaryRun) damage() {
	c.t.Helper()
	db := openDatabase(c.t, filepath.Join(c.home(), "vault"))
	defer db.Close()
	for _, q := range []string{
		"UPDATE secret SET ciphertext = (SELECT ciphertext FROM account LIMIT 1)",
		"UPDATE account SET ciphertext = zeroblob(80)",
	} {
		if _, err := db.Exec(q); err != nil {
			c.t.Fatal(err)
		}
	}
}

// searchFiles searches what is left: the vault with its log, the home and the
// directory for temporary files.
func (c *canaryRun) searchFiles() {
	c.t.Helper()
	if _, err := os.Stat(filepath.Join(c.home(), "vault", "keyfob.db")); err != nil {
		c.t.Fatal(err)
	}
	c.write("home/planted", canaries["env value"])
	hits, err := c.canary.FindDir(c.home())
	if err != nil {
		c.t.Fatal(err)
	}
	if len(hits) == 0 {
		c.t.Error("a planted value is not found: this search is blind")
	}
	for _, h := range hits {
		if filepath.Base(h.Path) != "planted" {
			c.t.Errorf("left on disk: %v", h)
		}
	}
	c.searchTokens()
}

// searchTokens looks for keys: of these only digests are kept, and a login's
// tokens until it is over.
func (c *canaryRun) searchTokens() {
	c.t.Helper()
	err := filepath.WalkDir(c.home(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if token.Match(b) {
			c.t.Errorf("a key is left in %s", path)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// searchRequests looks at what the provider was sent: the accounts' keys, and
// no other value.
func (c *canaryRun) searchRequests() {
	c.t.Helper()
	carried := false
	for _, r := range c.provider.Requests() {
		text := fmt.Appendf(nil, "%s?%s %v\n%s", r.Path, r.RawQuery, r.Header, r.Body)
		for _, h := range c.canary.Find(text) {
			if h.Name != "account key" && h.Name != "second key" {
				c.t.Errorf("request %d carried %v", r.N, h)
			}
			carried = true
		}
		if token.Match(text) {
			c.t.Errorf("request %d carried a key of ours", r.N)
		}
	}
	if !carried {
		c.t.Error("no request carried an account's key, so this search may be blind")
	}
}
