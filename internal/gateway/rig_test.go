package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/internal/provider"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

const (
	keyOne = "sk-test-account-one-0001"
	keyTwo = "sk-test-account-two-0002"
	ask    = `{"model":"test-large","max_tokens":64,"messages":[{"role":"user","content":"hello"}]}`
	stream = `{"model":"test-large","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"hello"}]}`
	path   = "/p/anthropic/default/v1/messages"
)

// rig is a real provider with two accounts, a real vault and a gateway before
// them.
type rig struct {
	t        *testing.T
	dir      string
	provider *keyfobtest.Provider
	home     *brokertest.Home
	gateway  *httptest.Server
	key      string
	log      *syncBuffer
	adapter  func(provider.Adapter) provider.Adapter
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}

func newProvider(t *testing.T, one, two keyfobtest.Behaviour) *keyfobtest.Provider {
	t.Helper()
	return keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "one", Key: keyOne, Then: one}, {Name: "two", Key: keyTwo, Then: two},
	}})
}

// newRig has anthropic/one and anthropic/two, in this order, of which the first
// behaves so.
func newRig(t *testing.T, one keyfobtest.Behaviour) *rig {
	t.Helper()
	r := emptyRig(t, newProvider(t, one, keyfobtest.OK()))
	r.account("anthropic", "one", keyOne, r.provider.URL())
	r.account("anthropic", "two", keyTwo, r.provider.URL())
	return r
}

func emptyRig(t *testing.T, p *keyfobtest.Provider) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), provider: p, log: &syncBuffer{}}
	r.open()
	return r
}

// open opens the home, as a new process does.
func (r *rig) open() {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.log, nil))
	h, err := brokertest.Open(r.t.Context(), r.dir, brokertest.Options{Log: log, Adapter: r.adapter})
	if err != nil {
		r.t.Fatal(err)
	}
	r.home = h
	r.serve(gateway.Config{Log: log})
	r.key = r.workspace(workspace.Spec{})
	r.t.Cleanup(func() {
		if r.home == h {
			r.close(h.Close)
		}
	})
}

func (r *rig) serve(c gateway.Config) {
	c.Broker = r.home.Broker
	if r.gateway != nil {
		r.gateway.Close()
	}
	r.gateway = httptest.NewServer(gateway.New(c))
}

func (r *rig) close(how func() error) {
	r.t.Helper()
	r.gateway.CloseClientConnections()
	r.gateway.Close()
	r.home = nil
	if err := how(); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) workspace(s workspace.Spec) string {
	r.t.Helper()
	_, key, err := r.home.Workspace(r.t.Context(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

func (r *rig) account(provider, label, key, baseURL string) core.Account {
	r.t.Helper()
	a, err := r.home.Account(r.t.Context(), provider, label, key, baseURL)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// reply is an answer as the client saw it.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (r *rig) request(method, path, body string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.gateway.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", r.key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	return req
}

func (r *rig) post(body string) reply {
	r.t.Helper()
	return r.send(r.request(http.MethodPost, path, body))
}

func (r *rig) send(req *http.Request) reply {
	r.t.Helper()
	resp, err := noRedirects.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err}
}

var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// saw lists which accounts the provider saw.
func (r *rig) saw() []string {
	var out []string
	for _, q := range r.provider.Requests() {
		out = append(out, q.Account)
	}
	return out
}

// held says how many things the home's broker holds against accounts.
func held(t *testing.T, h *brokertest.Home) int {
	t.Helper()
	hs, err := h.Broker.Health(t.Context(), core.Local)
	if err != nil {
		t.Fatal(err)
	}
	return len(hs)
}

// eventually waits for what another goroutine or process does. How long that
// takes decides nothing, unless it never happens.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// deadAddress is one that refuses connections.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it is closed, or the port was never ours
	return "http://" + l.Addr().String()
}
