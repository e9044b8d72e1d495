//go:build unix

package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/keyfobtest"
)

const (
	serverHomes  = 2
	serverRounds = 100 // of each home
	writers      = 3
	askers       = 3
	told         = "an answer that must arrive whole or not at all"
)

// TestServerUnderLoadAfterKill kills `serve` 200 times on two homes, while
// secrets are written through it and clients stream answers through its gateway.
// Nothing that was acknowledged is lost, the audit trail holds together, and a
// client of the gateway gets the provider's whole answer or a broken connection,
// never another answer.
func TestServerUnderLoadAfterKill(t *testing.T) {
	for home := range serverHomes {
		t.Run(fmt.Sprint("home ", home), func(t *testing.T) {
			t.Parallel()
			s := newServed(t)
			s.start(t)
			s.prepare(t)
			for round := range serverRounds {
				s.load(t, round)
				s.check(t)
			}
			s.stop()
			s.must(t, nil, "audit", "verify")
			s.must(t, nil, "doctor")
			s.wantProgress(t)
		})
	}
}

// served is a home whose server is killed again and again.
type served struct {
	*place
	provider *keyfobtest.Provider
	url      string
	stop     func() // kills the server and waits for it
	token    api.Key
	session  api.Key
	gateway  api.Key

	mu           sync.Mutex          // guards what is below
	may          map[string][]string // what each secret may hold
	acknowledged int
	answered     int
	broken       int
	wrong        []string
}

func newServed(t *testing.T) *served {
	t.Helper()
	s := &served{place: newPlace(t), may: map[string][]string{}}
	var err error
	s.provider, err = keyfobtest.StartProvider(keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "a", Key: "sk-ant-api03-crash-first-0123456789"}, {Name: "b", Key: "sk-ant-api03-crash-second-0123456789"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.provider.Close() })
	// The first account is limited, so that a request fails over while it is on
	// its way.
	s.provider.Set("sk-ant-api03-crash-first-0123456789", keyfobtest.Overloaded())
	s.provider.Set("sk-ant-api03-crash-second-0123456789", keyfobtest.Say(told))
	return s
}

var loginLine = regexp.MustCompile(`keyfob login (http://\S+)\n.*\n +(kfo_\w+)\n`)

// start runs the server and waits until it says where it is.
func (s *served) start(t *testing.T) {
	t.Helper()
	cmd, _ := s.command(nil, "serve", "--listen", "127.0.0.1:0", "--upstream-allow", "127.0.0.1")
	out := newWatched(loginLine)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.stop = func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	}
	t.Cleanup(s.stop)
	select {
	case m := <-out.found:
		s.url = m[1]
		if s.token.IsZero() {
			s.login(t, m[2])
		}
	case <-ended:
		t.Fatalf("the server ended: %s", tail(out.String()))
	}
}

// watched is what a process prints; found gets the first match.
type watched struct {
	find  *regexp.Regexp
	found chan []string

	mu  sync.Mutex // guards what is below
	out bytes.Buffer
	hit bool
}

func newWatched(find *regexp.Regexp) *watched {
	return &watched{find: find, found: make(chan []string, 1)}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Write(p)
	if m := w.find.FindStringSubmatch(w.out.String()); m != nil && !w.hit {
		w.hit = true
		w.found <- m
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.String()
}

func (s *served) client() *client.Client {
	return client.New(client.Options{BaseURL: s.url, Token: s.token})
}

func (s *served) login(t *testing.T, code string) {
	t.Helper()
	got, err := client.New(client.Options{BaseURL: s.url}).Login(t.Context(), api.LoginRequest{Code: api.NewKey([]byte(code)), Client: "crash test"})
	if err != nil {
		t.Fatal(err)
	}
	s.token = got.Token.Value
}

// prepare makes what the load works on.
func (s *served) prepare(t *testing.T) {
	t.Helper()
	c := s.client()
	for label, key := range map[string]string{"a": "sk-ant-api03-crash-first-0123456789", "b": "sk-ant-api03-crash-second-0123456789"} {
		_, err := c.CreateAccount(t.Context(), api.AccountCreate{Provider: "anthropic", Label: label, Key: api.NewValue([]byte(key)), BaseURL: s.provider.URL()})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range writers {
		name := fmt.Sprint("SECRET_", n)
		if _, err := c.CreateSecret(t.Context(), api.SecretCreate{Name: name, Value: api.NewValue([]byte("first")), Lookup: true}); err != nil {
			t.Fatal(err)
		}
		s.may[name] = []string{"first"}
	}
	w, err := c.CreateWorkspace(t.Context(), api.WorkspaceCreate{Gateway: true})
	if err != nil {
		t.Fatal(err)
	}
	s.session, s.gateway = w.SessionKey, w.GatewayKey
}

// load writes and asks until the server is killed under it, at some moment, and
// starts the server again.
func (s *served) load(t *testing.T, round int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() { s.write(ctx, round, fmt.Sprint("SECRET_", n)) })
	}
	for range askers {
		wg.Go(func() { s.ask(ctx) })
	}
	time.Sleep(time.Duration(s.rand.Int64N(int64(120 * time.Millisecond)))) // where in the load the kill falls
	s.stop()
	cancel()
	wg.Wait()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if len(s.wrong) > 0 {
		t.Fatalf("%d wrong answers, such as %s", len(s.wrong), s.wrong[0])
	}
	s.start(t)
}

// write changes one secret, again and again.
func (s *served) write(ctx context.Context, round int, name string) {
	c := s.client()
	for i := 0; ctx.Err() == nil; i++ {
		value := fmt.Sprintf("round %d, write %d of %s %s", round, i, name, strings.Repeat("x", rand.IntN(5000)))
		s.mu.Lock()
		s.may[name] = append(s.may[name], value)
		s.mu.Unlock()
		v := api.NewValue([]byte(value))
		_, err := c.UpdateSecret(ctx, name, api.SecretUpdate{Value: &v}, client.Any)
		if err != nil {
			if e, ok := errors.AsType[*api.Error](err); ok && e.Code != api.CodeUnavailable {
				s.fault("a write was refused: %s (%s)", e.Message, e.Code)
			}
			return
		}
		s.mu.Lock()
		s.may[name] = []string{value}
		s.acknowledged++
		s.mu.Unlock()
	}
}

func (s *served) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// ask streams answers through the gateway, again and again.
func (s *served) ask(ctx context.Context) {
	for ctx.Err() == nil {
		whole, err := s.stream(ctx)
		s.mu.Lock()
		if err != nil {
			s.broken++
		} else if whole {
			s.answered++
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// stream gives an error where the connection broke; what else is not the
// provider's whole answer is a fault.
func (s *served) stream(ctx context.Context) (bool, error) {
	body := `{"model":"claude-sonnet-4-5","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"hello"}]}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/p/anthropic/default/v1/messages", strings.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("X-Api-Key", string(s.gateway.Bytes()))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read, or the server was killed
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	if resp.StatusCode != http.StatusOK || streamed(b) != told {
		s.fault("status %d, %s: %.300q", resp.StatusCode, resp.Header.Get("Keyfob-Local"), b)
	}
	return true, nil
}

// streamed is the text of a whole stream, and of one that does not end as
// streams do nothing.
func streamed(b []byte) string {
	var text strings.Builder
	whole := false
	for line := range strings.Lines(string(b)) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		var e struct {
			Type  string
			Delta struct{ Text string }
		}
		if ok && json.Unmarshal([]byte(data), &e) == nil {
			text.WriteString(e.Delta.Text)
			whole = whole || e.Type == "message_stop"
		}
	}
	if !whole {
		return ""
	}
	return text.String()
}

// check reads every secret from inside the workspace.
func (s *served) check(t *testing.T) {
	t.Helper()
	ws := client.NewWorkspace(client.Options{BaseURL: s.url, Token: s.session})
	for _, name := range slices.Sorted(maps.Keys(s.may)) {
		got, err := ws.Lookup(t.Context(), name)
		if err != nil {
			t.Fatalf("look up %s: %v", name, err)
		}
		if !slices.Contains(s.may[name], string(got.Bytes())) {
			t.Fatalf("%s holds %.60q…, none of the %d values that it may hold", name, got.Bytes(), len(s.may[name]))
		}
		s.may[name] = []string{string(got.Bytes())}
	}
}

// wantProgress fails where the load did too little to show anything.
func (s *served) wantProgress(t *testing.T) {
	t.Helper()
	t.Logf("%d writes acknowledged, %d streams answered, %d connections broken", s.acknowledged, s.answered, s.broken)
	if s.acknowledged < serverRounds || s.answered < serverRounds || s.broken < serverRounds/4 {
		t.Errorf("too little happened between the kills")
	}
	if _, err := os.Stat(filepath.Join(s.home, ".config")); !os.IsNotExist(err) {
		t.Errorf("the server wrote into the home of its user: %v", err)
	}
}
