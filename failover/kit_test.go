package failover_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/failover"
)

// seen is a request as the upstream saw it.
type seen struct{ account, body string }

// rig is a pool of accounts, each answered by a handler of a real server.
type rig struct {
	*failover.Transport
	mu       sync.Mutex
	requests []seen
	attempts []failover.Attempt
	changed  []failover.Health
	members  *failover.Pool
}

func newRig(t testing.TB, ids []string, handlers map[string]http.HandlerFunc) *rig {
	r := &rig{members: pool(ids...)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		id := q.Header.Get("X-Account")
		r.mu.Lock()
		r.requests = append(r.requests, seen{id, string(b)})
		r.mu.Unlock()
		handlers[id](w, q)
	}))
	t.Cleanup(srv.Close)
	base := failover.NewBase(nil, nil)
	t.Cleanup(base.CloseIdleConnections)
	r.Transport = &failover.Transport{
		Base: base, Pool: r.members, Apply: applyTo(func(string) string { return srv.URL }), Classify: classify, Event: event,
		Observe: func(a failover.Attempt) { r.attempts = append(r.attempts, a) },
		Changed: func(h []failover.Health) { r.changed = append(r.changed, h...) },
	}
	return r
}

func (r *rig) accounts() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.requests {
		ids = append(ids, q.account)
	}
	return ids
}

func pool(ids ...string) *failover.Pool {
	p := failover.NewPool(failover.Options{})
	var ms []failover.Member
	for _, id := range ids {
		ms = append(ms, failover.Member{ID: id})
	}
	p.Load(ms, nil)
	return p
}

func applyTo(server func(id string) string) func(context.Context, *http.Request, string) error {
	return func(_ context.Context, q *http.Request, id string) error {
		u, err := url.Parse(server(id))
		if err != nil {
			return err
		}
		q.URL.Scheme, q.URL.Host, q.Host = u.Scheme, u.Host, ""
		q.Header.Set("X-Account", id)
		return nil
	}
}

// classify judges as an adapter would, in small.
func classify(status int, h http.Header, body []byte) failover.Verdict {
	v := failover.Verdict{Scope: failover.Account, EffectFree: true}
	v.Until, _ = failover.RetryAfter(h, time.Now())
	switch {
	case status == 429:
		v.Kind = failover.Limited
	case status == 401 && strings.Contains(string(body), "dead"):
		v.Kind = failover.Dead
	case status == 401:
		v.Kind = failover.Expired
	case status == 529:
		v.Kind = failover.Overloaded
	case status == 500:
		v.Kind, v.EffectFree = failover.Transient, false
	default:
		return failover.Verdict{}
	}
	v.Reason = v.Kind.String()
	return v
}

func event(name string, data []byte) (failover.Verdict, bool) {
	var e struct{ Type string }
	_ = json.Unmarshal(data, &e)
	switch e.Type {
	case "overloaded":
		return failover.Verdict{Kind: failover.Overloaded, Scope: failover.Account, Reason: "overloaded", EffectFree: true}, false
	case "dead":
		return failover.Verdict{Kind: failover.Dead, Scope: failover.Account, Reason: "dead", EffectFree: true}, false
	case "late":
		return failover.Verdict{Kind: failover.Overloaded, Scope: failover.Account, Reason: "overloaded"}, false
	}
	return failover.Verdict{}, slices.Contains([]string{"ping", "message_start"}, name)
}

func post(body string) *http.Request {
	q, _ := http.NewRequest(http.MethodPost, "http://upstream.invalid/v1/messages", strings.NewReader(body))
	return q
}

// do sends a request and gives what the client sees.
func do(t *testing.T, tr *failover.Transport, q *http.Request, query failover.Query) (*http.Response, string) {
	t.Helper()
	resp, err := tr.Do(q, query)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("body: %v (after %q)", err, b)
	}
	return resp, string(b)
}

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func expectList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
