package app_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"keyfob/api"
	"keyfob/client"
	"keyfob/keyfobtest"
)

// collector takes traces, and keeps their bytes.
type collector struct {
	mu  sync.Mutex
	all []byte
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, b...)
}

// A request through a server's gateway fails over, and what is told of it in
// metrics, traces and the log has no key, no value and no text of the client's.
func TestGatewayOfAServer(t *testing.T) {
	const limited, good = "sk-ant-limited-7f31canary", "sk-ant-good-7f31canary"
	p, err := keyfobtest.StartProvider(keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "one", Key: limited, Then: keyfobtest.RateLimited(0)}, {Name: "two", Key: good},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	traces := &collector{}
	sink := httptest.NewServer(traces)
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.URL)
	c := configFor(t)
	initVault(t, c)
	c.Environ = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + sink.URL}
	s := startOn(t, c, map[string]string{"upstream_allow": "127.0.0.1", "log_level": "debug"})
	login := s.login(t)
	cl := s.client(login.Token.Value)
	for label, key := range map[string]string{"a-one": limited, "b-two": good} {
		if _, err := cl.CreateAccount(t.Context(), api.AccountCreate{Provider: "anthropic", Label: label, BaseURL: p.URL(), Key: api.NewValue([]byte(key))}); err != nil {
			t.Fatal(err)
		}
	}
	order := []string{"a-one", "b-two"}
	if _, err := cl.UpdatePool(t.Context(), "anthropic", "default", api.PoolUpdate{Accounts: &order}, client.Any); err != nil {
		t.Fatal(err)
	}
	ws, err := cl.CreateWorkspace(t.Context(), api.WorkspaceCreate{Gateway: true})
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, browser(t), "POST", s.URL+"/p/anthropic/default/v1/messages", func(r *http.Request) {
		r.Header.Set("X-Api-Key", string(ws.GatewayKey.Bytes()))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		r.Body = io.NopCloser(strings.NewReader(`{"model":"model-7f31canary","max_tokens":5,"messages":[{"role":"user","content":"7f31canary"}]}`))
	}, nil)
	if got.status != 200 || got.header.Get("Keyfob-Account") != "anthropic/b-two" {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	for _, r := range p.Requests() {
		if r.Header.Get("Traceparent") != "" {
			t.Error("the client's trace goes on to the provider")
		}
	}
	metrics := get(t, browser(t), s.URL+"/metrics").body
	for _, want := range []string{
		`keyfob_gateway_requests_total{local="",provider="anthropic",status="2xx"} 1`, `keyfob_gateway_rotations_total{provider="anthropic"} 1`,
		`keyfob_gateway_states_total{kind="limited",provider="anthropic"} 1`, `keyfob_http_requests_total{method="POST",route="/v1/workspaces",status="2xx"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s\n%s", want, grep(metrics, "keyfob_gateway"))
		}
	}
	s.stop()
	for _, want := range []string{"POST /p/{provider}/{namespace}/", "POST /v1/workspaces", "anthropic/b-two"} {
		if !strings.Contains(string(traces.all), want) {
			t.Errorf("the traces lack %s", want)
		}
	}
	told := metrics + string(traces.all) + s.log.String()
	for _, never := range []string{"7f31canary", string(ws.GatewayKey.Bytes()), string(ws.SessionKey.Bytes()), string(login.Token.Value.Bytes()), "kfg_", "kfs_"} {
		if strings.Contains(told, never) {
			t.Errorf("%s is told", never)
		}
	}
}

func grep(text, part string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, part) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
