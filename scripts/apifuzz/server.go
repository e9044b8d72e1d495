package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/built"
)

//go:embed requirements.txt
var requirements []byte

//go:embed hooks.py
var hooks []byte

func pinned() string {
	d := sha256.Sum256(requirements)
	return hex.EncodeToString(d[:8])
}

// server is a real one, with records to ask for.
type server struct {
	dir, url string
	program  string
	code     api.Key // signs a command line in as the first administrator
	cmd      *exec.Cmd
	proofs   []proof
	canaries []string
	provider string // address of a provider that takes every key
	known    string // names of records by parameter of the path, JSON
}

// proxySecret proves schemathesis to be a proxy, so that it can be many clients.
const (
	proxySecret = "apifuzz-is-a-proxy-1d5e07c2a9b64f38"
	proxyHeader = "Keyfob-Proxy-Secret"
)

func start(ctx context.Context, dir string) (*server, error) {
	s := &server{dir: dir}
	if err := s.upstream(ctx); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "hooks.py"), hooks, 0o600); err != nil {
		return nil, err
	}
	var err error
	if s.program, err = built.Program(dir); err != nil {
		return nil, err
	}
	secretFile := filepath.Join(dir, "proxy-secret")
	if err := os.WriteFile(secretFile, []byte(proxySecret), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.CommandContext(ctx, s.program, "serve", "--listen", "127.0.0.1:0", "--drain", "1s", "--upstream-allow", "127.0.0.1",
		"--identity-header", "X-Nobody", "--proxy-networks", "127.0.0.0/8", "--proxy-secret-file", secretFile)
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), "KEYFOB_HOME="+filepath.Join(dir, "home")), log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 10 * time.Second
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if url, ok := strings.CutPrefix(in.Text(), "serving at "); ok {
			s.url = url
		}
		if code := strings.TrimSpace(in.Text()); strings.HasPrefix(code, "kfo_") {
			s.code = api.NewKey([]byte(code))
			return s, nil
		}
	}
	s.stop()
	return nil, errors.New("the server did not come up; see its log: " + log.Name())
}

// upstream stands in for a provider until ctx ends.
func (s *server) upstream(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"object":"list","data":[{"id":"model"}]}`))
	})}
	go func() { _ = srv.Serve(ln) }() // ends with the program
	s.provider = "http://" + ln.Addr().String()
	return nil
}

// tell writes the errors of the server's log.
func (s *server) tell(w io.Writer) {
	b, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, `"level":"ERROR"`) {
			_, _ = io.WriteString(w, line)
		}
	}
}

func (s *server) stop() {
	if s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
	}
	_ = s.cmd.Wait()
}

func (s *server) as(token api.Key) *client.Client {
	return client.New(client.Options{BaseURL: s.url, Token: token})
}

// plant makes an administrator, a user, and what both may ask for; each value is
// a canary.
func (s *server) plant(ctx context.Context) error {
	admin, err := s.as(api.Key{}).Login(ctx, api.LoginRequest{Code: s.code, Client: "apifuzz"})
	if err != nil {
		return err
	}
	root := s.as(admin.Token.Value)
	if _, err := root.CreateUser(ctx, api.UserCreate{Name: "fuzz"}); err != nil {
		return err
	}
	code, err := s.link(ctx, "fuzz")
	if err != nil {
		return err
	}
	user, err := s.as(api.Key{}).Login(ctx, api.LoginRequest{Code: code, Client: "apifuzz"})
	if err != nil {
		return err
	}
	fuzz := s.as(user.Token.Value)
	for _, c := range []*client.Client{root, root.Org(), fuzz} {
		if err := s.records(ctx, c); err != nil {
			return err
		}
	}
	w, err := fuzz.CreateWorkspace(ctx, api.WorkspaceCreate{Gateway: true})
	if err != nil {
		return err
	}
	// Whoever may end the others' proofs comes after them.
	s.proofs = []proof{
		{name: "nobody"},
		{name: "a workspace", text: w.SessionKey, only: "^/v1/workspace(/|$)"},
		{name: "a user", text: user.Token.Value},
		{name: "a user, to reveal", text: user.Reveal.Value, only: "/(secrets|step-ups)"},
		{name: "an administrator", text: admin.Token.Value},
		{name: "an administrator, until the end", text: admin.Token.Value, only: "^/v1/(tokens|sessions)", ends: true},
	}
	for _, p := range s.proofs {
		if !p.text.IsZero() {
			s.canaries = append(s.canaries, string(p.text.Bytes()))
		}
	}
	known, err := json.Marshal(map[string]string{
		"name": "KNOWN", "user": "fuzz", "provider": "openai", "namespace": "default", "label": "known", "id": w.ID,
	})
	s.known = string(known)
	return err
}

// link makes a one-time code for a user, as whoever operates the server does.
func (s *server) link(ctx context.Context, user string) (api.Key, error) {
	cmd := exec.CommandContext(ctx, s.program, "user", "link", user, "--output", "json", "--local")
	cmd.Env = append(os.Environ(), "KEYFOB_HOME="+filepath.Join(s.dir, "home"))
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return api.Key{}, err
	}
	var out struct{ Code api.Key }
	return out.Code, json.Unmarshal(b, &out)
}

func (s *server) canary() api.Value {
	text := fmt.Sprintf("canary-%d-6f1e0c", len(s.canaries))
	s.canaries = append(s.canaries, text)
	return api.NewValue([]byte(text))
}

func (s *server) records(ctx context.Context, c *client.Client) error {
	if _, err := c.CreateSecret(ctx, api.SecretCreate{Name: "KNOWN", Value: s.canary(), Env: "KNOWN", Lookup: true}); err != nil {
		return err
	}
	_, err := c.CreateAccount(ctx, api.AccountCreate{Provider: "openai", Label: "known", Key: s.canary(), BaseURL: s.provider})
	return err
}
