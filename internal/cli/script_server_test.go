package cli_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyfob/internal/core"
)

// TestScriptsAgainstAServer runs every script once more, signed in to a keyfob
// serve of its own: what a command prints is the same but for the address. Where
// a script asks the condition [server], it says why the two differ.
func TestScriptsAgainstAServer(t *testing.T) {
	t.Parallel()
	p := scriptParams(func(env *testscript.Env) error {
		if err := setupScript(env); err != nil {
			return err
		}
		config, err := serverConfig(env)
		if err != nil {
			return err
		}
		s, err := startServer(env.WorkDir, "serve", "--config", config)
		if err != nil {
			return err
		}
		env.Defer(func() {
			if err := s.stop(); err != nil {
				env.T().Fatal("the server: ", err, "\n", s.log())
			}
		})
		env.Values[serverKey{}] = s
		env.Setenv("SERVER", s.ready.URL)
		env.Setenv("VAULT_HOME", s.home)
		return s.login(env.Getenv("KEYFOB_HOME"))
	}, true)
	p.Files, p.Dir = scriptsForAServer(t, p.Dir), ""
	testscript.Run(t, p)
}

// ofThisMachine are the scripts that have nothing to say to a server, and why.
var ofThisMachine = map[string]string{
	"serve.txtar": "it starts servers of its own",
	"vault.txtar": "it is about the files and the root key of this machine's own vault",
}

func scriptsForAServer(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	out := slices.DeleteFunc(slices.Clone(all), func(path string) bool { return ofThisMachine[filepath.Base(path)] != "" })
	if len(out) != len(all)-len(ofThisMachine) {
		t.Fatalf("of %d scripts %d are for a server: one of those that are not is gone", len(all), len(out))
	}
	return out
}

type serverKey struct{}

// serverConfig is the configuration of the scripts' server, which has a launcher
// and may reach the scripts' provider.
func serverConfig(env *testscript.Env) (string, error) {
	key := string(core.NewToken(core.LauncherPrefix).Reveal())
	env.Setenv("LAUNCHERKEY", key)
	path := filepath.Join(env.WorkDir, ".server.yaml")
	return path, os.WriteFile(path, fmt.Appendf(nil, `
listen: 127.0.0.1:0
upstream_allow: [127.0.0.1]
launchers:
  - name: builder
    key_digest: %x
    users: [local]
    labels: {by: builder}
`, core.TokenDigest(key)), 0o600)
}

// testServer is a keyfob serve, and a browser that is signed in to it.
type testServer struct {
	home  string
	cmd   *exec.Cmd
	ready struct{ URL, Pages, Link, Code string }

	browser  *http.Client
	decision string // of the browser's owner
	ended    bool

	mu   sync.Mutex
	logs strings.Builder
}

// startServer starts keyfob with these arguments on a vault of its own in dir.
func startServer(dir string, args ...string) (*testServer, error) {
	s := &testServer{home: filepath.Join(dir, "server"), decision: "approve"}
	s.cmd = exec.Command(keyfob, append(args, "--output", "json")...)
	s.cmd.Env = []string{"KEYFOB_HOME=" + s.home, "HOME=" + dir, "GORACE=exitcode=66 atexit_sleep_ms=10", "PATH=" + os.Getenv("PATH")}
	s.cmd.Stderr = s
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&s.ready); err != nil {
		_ = s.stop()
		return nil, fmt.Errorf("the server did not say that it is ready: %w\n%s", err, s.log())
	}
	return s, s.signIn()
}

// Write implements io.Writer: the server's log.
func (s *testServer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.Write(p)
}

func (s *testServer) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.String()
}

// stop ends the server in order, and says where it did not end so.
func (s *testServer) stop() error {
	if s.ended {
		return nil
	}
	s.ended = true
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// signIn plays the browser: it opens the one-time link. Browsers find names
// under localhost by themselves.
func (s *testServer) signIn() error {
	if !strings.HasPrefix(s.ready.Link, "http://") {
		return nil // tests with TLS need no browser
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	at, err := url.Parse(s.ready.URL)
	if err != nil {
		return err
	}
	s.browser = &http.Client{Jar: jar, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at.Host)
	}}}
	resp, err := s.browser.Get(s.ready.Link)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || len(jar.Cookies(resp.Request.URL)) == 0 {
		return fmt.Errorf("the link gives %s: %s", resp.Status, b)
	}
	return nil
}

// login signs the command line in, with its home where scripts expect it.
func (s *testServer) login(home string) error {
	cmd := exec.Command(keyfob, "login", s.ready.URL, "--code", "-")
	cmd.Env = []string{"KEYFOB_HOME=" + home, "HOME=" + filepath.Dir(home), "GORACE=exitcode=66 atexit_sleep_ms=10"}
	cmd.Stdin = strings.NewReader(s.ready.Code)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("login: %w\n%s", err, out)
	}
	return nil
}

// press presses a button on one of the server's pages.
func (s *testServer) press(path string, form url.Values) error {
	req, err := http.NewRequest(http.MethodPost, s.ready.Pages+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", s.ready.Pages)
	resp, err := s.browser.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, b)
	}
	return nil
}

// clicking presses the button on the page of every step-up that is asked for,
// until what it gives is called: a person would read the page's address from
// what the command says.
func (s *testServer) clicking(decision string) (stop func() error) {
	done := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		pressed := map[string]bool{}
		for {
			select {
			case <-done:
				failed <- nil
				return
			case <-time.After(20 * time.Millisecond):
			}
			ids, err := s.asked()
			for _, id := range ids {
				if err == nil && !pressed[id] {
					pressed[id] = true
					err = s.press("/step-up/"+id, url.Values{"decision": {decision}})
				}
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	return func() error { close(done); return <-failed }
}

// asked is the step-ups that nobody has decided.
func (s *testServer) asked() ([]string, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.home, "keyfob.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.Query("SELECT id FROM proof WHERE kind IN ('step_up', 'token') AND state = 'pending'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// byBrowser runs a command of a script while the browser's owner looks on.
func byBrowser(ts *testscript.TestScript, run func() error) error {
	s, ok := ts.Value(serverKey{}).(*testServer)
	if !ok {
		return run()
	}
	stop := s.clicking(s.decision)
	err := run()
	ts.Check(stop())
	return err
}

// cmdBrowser is "browser approve|deny": what the owner of the browser presses
// from now on.
func cmdBrowser(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := ts.Value(serverKey{}).(*testServer)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage, against a server: browser approve|deny")
	}
	s.decision = args[0]
}
