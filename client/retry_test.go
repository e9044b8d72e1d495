package client_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/api"
	"keyfob/client"
)

// script answers requests one after the other; nil is a connection that broke
// after the request was sent.
type script struct {
	answers []*http.Response
	dialled bool // whether a connection was there
	got     []*http.Request
	bodies  []string
	at      []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	n := len(s.got)
	s.got, s.at = append(s.got, r), append(s.at, time.Now())
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	s.bodies = append(s.bodies, body)
	if t := httptrace.ContextClientTrace(r.Context()); t != nil {
		t.GetConn("")
		if s.dialled {
			t.GotConn(httptrace.GotConnInfo{})
		}
	}
	if n >= len(s.answers) || s.answers[n] == nil {
		return nil, errors.New("connection reset")
	}
	return s.answers[n], nil
}

func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func away(seconds string) *http.Response {
	return reply(http.StatusServiceUnavailable, `{"code":"unavailable","detail":"away"}`, "Retry-After", seconds)
}

func TestWhatIsSentAgain(t *testing.T) {
	get := func(ctx context.Context, c *client.Client) error { _, err := c.GetSecret(ctx, "A"); return err }
	create := func(ctx context.Context, c *client.Client) error {
		_, err := c.CreateSecret(ctx, api.SecretCreate{Name: "A"})
		return err
	}
	update := func(ctx context.Context, c *client.Client) error {
		_, err := c.UpdateSecret(ctx, "A", api.SecretUpdate{}, client.Seen(3))
		return err
	}
	remove := func(ctx context.Context, c *client.Client) error { return c.DeleteSecret(ctx, "A", client.Any) }
	for name, one := range map[string]struct {
		call    func(context.Context, *client.Client) error
		answers []*http.Response
		dialled bool
		tries   int
		fails   string
	}{
		"a read whose connection broke":        {get, []*http.Response{nil, nil, reply(200, "{}")}, true, 3, ""},
		"a read, three times at most":          {get, nil, true, 3, api.CodeUnavailable},
		"a read of a server that says when":    {get, []*http.Response{away("2"), reply(200, "{}")}, true, 2, ""},
		"a read of one that says too late":     {get, []*http.Response{away("3600")}, true, 1, api.CodeUnavailable},
		"a read of one that does not say":      {get, []*http.Response{reply(503, "")}, true, 1, api.CodeUnavailable},
		"a read that is refused":               {get, []*http.Response{reply(429, "", "Retry-After", "1")}, true, 1, api.CodeExhausted},
		"making, whose connection broke":       {create, []*http.Response{nil, reply(201, "{}")}, true, 2, ""},
		"making, at a server that says when":   {create, []*http.Response{away("1"), reply(201, "{}")}, true, 2, ""},
		"a change whose connection broke":      {update, []*http.Response{nil, reply(200, "{}")}, true, 1, api.CodeUnavailable},
		"a change that was not sent at all":    {update, []*http.Response{nil, reply(200, "{}")}, false, 2, ""},
		"a change, at a server that says when": {update, []*http.Response{away("1")}, true, 1, api.CodeUnavailable},
		"a removal whose connection broke":     {remove, []*http.Response{nil, reply(204, "")}, true, 1, api.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: one.answers, dialled: one.dialled}
				err := one.call(t.Context(), client.New(client.Options{BaseURL: "http://x.test", Transport: s}))
				if len(s.got) != one.tries {
					t.Errorf("sent %d times, want %d", len(s.got), one.tries)
				}
				if (err != nil) != (one.fails != "") || err != nil && !errors.Is(err, &api.Error{Code: one.fails}) {
					t.Errorf("got %v, want %q", err, one.fails)
				}
			})
		})
	}
}

func TestTheSameRequestGoesAgainWithTheSameKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []*http.Response{nil, away("2"), reply(201, "{}")}, dialled: true}
		c := client.New(client.Options{BaseURL: "http://x.test", Transport: s})
		if _, err := c.CreateSecret(t.Context(), api.SecretCreate{Name: "A", Value: api.NewValue([]byte("v"))}); err != nil {
			t.Fatal(err)
		}
		key := s.got[0].Header.Get("Idempotency-Key")
		if key == "" || s.got[2].Header.Get("Idempotency-Key") != key || s.bodies[0] != s.bodies[2] || s.bodies[0] == "" {
			t.Errorf("keys %q, bodies %q", key, s.bodies)
		}
		if wait := s.at[2].Sub(s.at[1]); wait != 2*time.Second {
			t.Errorf("came back after %v", wait)
		}
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{answers: []*http.Response{away("9")}, dialled: true}
		_, err := client.New(client.Options{BaseURL: "http://x.test", Transport: s}).GetSecret(ctx, "A")
		if !errors.Is(err, context.DeadlineExceeded) || len(s.got) != 1 {
			t.Errorf("got %v after %d tries", err, len(s.got))
		}
	})
}

// The answer with both keys was lost on the way: nobody has them, so new ones
// are made.
func TestALostWorkspaceGetsNewKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{dialled: true, answers: []*http.Response{
			nil,
			reply(409, `{"code":"conflict","reason":"already_made","detail":"made"}`, "Location", "/v1/workspaces/ws_1"),
			nil,
			reply(200, `{"id":"ws_1","session_key":"key"}`),
		}}
		c := client.New(client.Options{BaseURL: "http://x.test", Transport: s}).For("ann b")
		made, err := c.CreateWorkspace(t.Context(), api.WorkspaceCreate{})
		if err != nil || made.ID != "ws_1" || string(made.SessionKey.Bytes()) != "key" {
			t.Fatalf("got %+v, %v", made.Workspace, err)
		}
		last := s.got[3]
		if last.URL.EscapedPath() != "/v1/users/ann%20b/workspaces/ws_1/rotate" || last.Header.Get("If-Match") != "*" {
			t.Errorf("%s with If-Match %q", last.URL, last.Header.Get("If-Match"))
		}
	})
}

func TestALostTokenIsNamed(t *testing.T) {
	s := &script{dialled: true, answers: []*http.Response{reply(409, `{"code":"conflict","reason":"already_made","detail":"made"}`)}}
	_, err := client.New(client.Options{BaseURL: "http://x.test", Transport: s}).CreateToken(t.Context(), api.TokenCreate{})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Reason != api.ReasonAlreadyMade || e.Hint == "" {
		t.Errorf("got %v", err)
	}
}

func TestVersionsGoAsIfMatch(t *testing.T) {
	for m, want := range map[client.Match]string{client.Seen(12): `"v12"`, client.Any: "*", "": ""} {
		s := &script{answers: []*http.Response{reply(204, "")}}
		if err := client.New(client.Options{BaseURL: "http://x.test", Transport: s}).Org().DeleteSecret(t.Context(), "A", m); err != nil {
			t.Fatal(err)
		}
		if got := s.got[0].Header.Get("If-Match"); got != want {
			t.Errorf("If-Match %q, want %q", got, want)
		}
		if s.got[0].URL.Path != "/v1/org/secrets/A" {
			t.Errorf("path %s", s.got[0].URL.Path)
		}
	}
}

// pagesOf serves n secrets, two a page.
func pagesOf(t *testing.T, n int) *client.Client {
	t.Helper()
	return client.New(serve(t, func(w http.ResponseWriter, r *http.Request) {
		from := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
		out := api.SecretList{Secrets: []api.Secret{}}
		for i := from; i < min(from+2, n); i++ {
			out.Secrets = append(out.Secrets, api.Secret{Name: fmt.Sprint(i)})
		}
		if from+2 < n {
			out.Next = fmt.Sprint(from + 2)
		}
		if from == 4 && n == 99 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
}

func TestListsWalkEveryPage(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 7} {
		list, err := pagesOf(t, n).ListSecrets(t.Context())
		if err != nil || len(list) != n || list == nil || n > 0 && list[n-1].Name != fmt.Sprint(n-1) {
			t.Errorf("%d: got %v, %v", n, list, err)
		}
	}
	for s, err := range pagesOf(t, 99).Secrets(t.Context()) {
		if err != nil && (s.Name != "" || !errors.Is(err, &api.Error{Code: api.CodeForbidden})) {
			t.Errorf("got %v, %v", s, err)
		}
	}
	seen := 0
	for range pagesOf(t, 7).Secrets(t.Context()) {
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("saw %d", seen)
	}
}

func TestRootsAreTrustedAlone(t *testing.T) {
	s := httptest.NewTLSServer(answer(http.StatusOK, `{"name":"ann"}`))
	defer s.Close()
	s.Config.ErrorLog = nil
	_, err := client.New(client.Options{BaseURL: s.URL, Roots: x509.NewCertPool()}).Me(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Reason != client.ReasonTLS || !strings.Contains(e.Hint, "--ca-file") {
		t.Errorf("an unknown authority: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	me, err := client.New(client.Options{BaseURL: s.URL, Roots: pool}).Me(t.Context())
	if err != nil || me.Name != "ann" {
		t.Errorf("a known one: %v", err)
	}
}
