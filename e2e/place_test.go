//go:build e2e && linux

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyfob/keyfobtest"
)

// place is one user's machine: an empty home, Keyfob's state beside it, a
// directory to work in and the clients on the path.
type place struct {
	home, state, work string
	env               []string
}

// limit is far beyond what any of these clients needs: a client that retries by
// itself runs into it.
const limit = 2 * time.Minute

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{home: dir(t), state: filepath.Join(dir(t), "keyfob"), work: dir(t)}
	path := append([]string{filepath.Dir(os.Getenv(insideVar))}, clientDirs(t)...)
	p.env = []string{
		"PATH=" + strings.Join(append(path, os.Getenv("PATH")), ":"),
		"HOME=" + p.home, "KEYFOB_HOME=" + p.state, "TMPDIR=" + os.TempDir(),
		"LANG=C.UTF-8", "TERM=xterm-256color", "CI=true", "SHELL=/bin/sh", "USER=somebody",
		"npm_config_registry=http://127.0.0.1:9", // plugins' packages come from nobody
	}
	return p
}

// clientDirs are where the clients' programs stand. Packages that bring a
// binary are used without their launcher: npm ran no install script.
func clientDirs(t *testing.T) []string {
	t.Helper()
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{
		filepath.Join(modules, "opencode-linux-"+arch, "bin"),
		filepath.Join(modules, "@anthropic-ai", "claude-code-linux-"+arch),
		filepath.Join(modules, ".bin"),
	}
	for _, d := range dirs {
		if _, err := os.Stat(d); err != nil {
			t.Fatalf("the clients are not installed (make clients): %v", err)
		}
	}
	return dirs
}

// dir is a private directory that goes with the test.
func dir(t *testing.T) string {
	t.Helper()
	d, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// result is how a command ended.
type result struct {
	code        int
	out, errors string
}

// keyfob runs the program with this on its standard input.
func (p *place) keyfob(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return p.run(t, stdin, os.Getenv(insideVar), args...)
}

func (p *place) run(t *testing.T, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.env, p.work, strings.NewReader(stdin), &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %q did not end within %s\n%s%s", filepath.Base(name), args, limit, out.String(), errs.String())
	}
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must fails the test unless the command ended well.
func (r result) must(t *testing.T) result {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.out, r.errors)
	}
	return r
}

func (p *place) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Keys as each provider issues them.
var keyPrefixes = map[string]string{"anthropic": "sk-ant-api03-", "openai": "sk-proj-", "google": "AIzaSy"}

const answer = "Fourscore and seven answers from the provider."

func workKey(provider string) string {
	return keyPrefixes[provider] + "WORK5tXq9cJmRk2vLw8zYb4nHd7pGf3sUeAo"
}
func personalKey(provider string) string {
	return keyPrefixes[provider] + "PERS8rZk3wNvTq6xMb1yCj9hLf5dSg2pWuEi"
}

// accountKeys are what must stand nowhere but on the provider's side.
func accountKeys(provider string) map[string]string {
	return map[string]string{"the work key": workKey(provider), "the personal key": personalKey(provider)}
}

// twoAccounts starts a provider whose first account is rate-limited for an hour
// and gives both accounts to Keyfob, in this order. path follows the provider's
// address in the account's base URL.
func (p *place) twoAccounts(t *testing.T, provider, path string, o keyfobtest.Options) *keyfobtest.Provider {
	t.Helper()
	o.Accounts = []keyfobtest.Account{
		{Name: "work", Key: workKey(provider), Then: keyfobtest.RateLimited(time.Hour)},
		{Name: "personal", Key: personalKey(provider)},
	}
	if o.Text == nil {
		o.Text = func(string, string) string { return answer }
	}
	server, err := keyfobtest.StartProvider(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for _, a := range [][2]string{{"work", workKey(provider)}, {"personal", personalKey(provider)}} {
		p.keyfob(t, a[1]+"\n", "account", "add", provider, "--label", a[0], "--base-url", server.URL()+path).must(t)
	}
	return server
}
