package httpapi_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/api"
	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/event"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/httpapi"
	"keyfob/internal/identity"
)

// stream is an open stream of events.
type stream struct {
	lines chan string // closed at its end
	resp  *http.Response
}

func (k *kit) stream(t *testing.T, query string, headers ...string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", k.url+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	s := &stream{lines: make(chan string, 1000), resp: resp}
	go func() {
		defer close(s.lines)
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	return s
}

// until gives the first line that begins so; "" at the stream's end.
func (s *stream) until(t *testing.T, prefix string) string {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return ""
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-timeout:
			t.Fatalf("no line begins with %q", prefix)
		}
	}
}

// ends waits for the stream's end.
func (s *stream) ends(t *testing.T) {
	t.Helper()
	if line := s.until(t, "\x00"); line != "" {
		t.Errorf("got %q", line)
	}
}

func (k *kit) followed(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.feed.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func TestEventsOverHTTP(t *testing.T) {
	k := newKit(t, nil)
	k.followed(t)
	alice := bearer(k.token(t, "alice", core.SecretsRead|core.SecretsWrite, time.Hour))
	s := k.stream(t, "", alice...)
	if s.resp.StatusCode != http.StatusOK || s.resp.Header.Get("Content-Type") != "text/event-stream" || s.resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v", s.resp.StatusCode, s.resp.Header)
	}
	s.until(t, ": the stream is open")
	k.send(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`, alice...).want(t, http.StatusCreated, "")
	id := strings.TrimPrefix(s.until(t, "id: "), "id: ")
	if line := s.until(t, "event: "); line != "event: secret" {
		t.Errorf("got %q", line)
	}
	e := read[api.Event](t, reply{body: strings.TrimPrefix(s.until(t, "data: "), "data: ")})
	if e.ID != id || e.Kind != "secret" || e.Org || e.Record == "" {
		t.Errorf("got %+v", e)
	}
	k.send(t, "PATCH", "/v1/secrets/A", `{"description":"d"}`, append(alice, "If-Match", "*")...).want(t, http.StatusOK, "")
	for _, query := range []string{"", "?after=0"} { // the header counts
		if again := k.stream(t, query, append(alice, "Last-Event-ID", id)...); again.until(t, "event: ") != "event: secret" {
			t.Error("the stream does not go on")
		}
	}
	if line := k.stream(t, "?after=99999999", alice...).until(t, "event: "); line != "event: reset" {
		t.Errorf("got %q", line)
	}
	for _, after := range []string{"x", "-1", "01", "1.5", "99999999999999999999"} {
		k.send(t, "GET", "/v1/events?after="+after, "", alice...).want(t, http.StatusBadRequest, "")
	}
}

// A token that is revoked, a browser that is signed out and a user who is
// disabled hear nothing more, at once.
func TestAStreamEndsWithItsProof(t *testing.T) {
	k := newKit(t, nil)
	k.followed(t)
	scopes := core.TokensRead | core.TokensWrite
	root := bearer(k.token(t, "root", core.AdminRead|core.AdminWrite, time.Hour))
	keeps := bearer(k.token(t, "alice", scopes, time.Hour))
	goes := k.token(t, "alice", scopes, time.Hour)
	a, err := k.identity.Bearer(t.Context(), goes)
	if err != nil {
		t.Fatal(err)
	}
	stays, s := k.stream(t, "", keeps...), k.stream(t, "", bearer(goes)...)
	s.until(t, ": the stream is open")
	k.send(t, "DELETE", "/v1/tokens/"+a.Via.ID, "", keeps...).want(t, http.StatusNoContent, "")
	s.ends(t)
	if line := stays.until(t, "event: token"); line == "" {
		t.Error("a stream with another proof ended too")
	}
	browser := k.stream(t, "", "Cookie", cookie+"="+k.browser(t, "alice"))
	browser.until(t, ": the stream is open")
	k.send(t, "PATCH", "/v1/users/alice", `{"disabled":true}`, append(root, "If-Match", "*")...).want(t, http.StatusOK, "")
	browser.ends(t)
	stays.ends(t)
}

func TestStreamsAreBounded(t *testing.T) {
	k := newKit(t, func(c *httpapi.Config) { c.MaxStreams = 2 })
	alice := bearer(k.token(t, "alice", core.AuditRead, time.Hour))
	first, second := k.stream(t, "", alice...), k.stream(t, "", alice...)
	first.until(t, ": the stream is open")
	second.until(t, ": the stream is open")
	k.send(t, "GET", "/v1/events", "", alice...).want(t, http.StatusTooManyRequests, "too_many_streams")
	bob := k.stream(t, "", bearer(k.token(t, "bob", core.AuditRead, time.Hour))...)
	bob.until(t, ": the stream is open")
	if n := k.server.Streams(); n != 3 {
		t.Errorf("%d streams are open", n)
	}
	k.server.EndStreams()
	first.ends(t)
	second.ends(t)
	bob.ends(t)
	k.send(t, "GET", "/v1/events", "", alice...).want(t, http.StatusServiceUnavailable, "draining")
	k.server.EndStreams() // again is fine
}

// A token expired, and its stream went on until its next sign of life, up to
// fifteen seconds later.
func TestAStreamEndsWhenItsProofExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := guardtest.New(t)
		id, err := identity.New(identity.Config{Guard: k.Guard, Store: k.Store})
		if err == nil {
			err = id.EnsureFirst(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		made, value, err := id.CreateToken(t.Context(), core.LocalUser, identity.TokenSpec{Name: "x", Scopes: core.AuditRead, Life: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		c := configOf(k, slog.New(slog.DiscardHandler))
		c.Identity, c.Events = id, event.New(k.Guard, change.New(k.Store, 0))
		s := httpapi.New(c)
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/events", nil)
		r.Header.Set("Authorization", "Bearer "+string(value.Reveal()))
		w := &flushed{ResponseRecorder: httptest.NewRecorder()}
		s.Server().ServeHTTP(w, r)
		if now := time.Now(); w.Code != http.StatusOK || now.Before(made.ExpiresAt) || now.After(made.ExpiresAt.Add(time.Millisecond)) {
			t.Errorf("%d: the stream ended at %s, its token at %s", w.Code, now, made.ExpiresAt)
		}
	})
}

// A token that may read secrets alone heard of accounts, workspaces and tokens.
// It does not any more, and its stream ends with it all the same.
func TestAStreamTellsWhatTheTokenMayRead(t *testing.T) {
	k := newKit(t, nil)
	k.followed(t)
	all := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
	text := k.token(t, "alice", core.SecretsRead, time.Hour)
	a, err := k.identity.Bearer(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	s := k.stream(t, "", bearer(text)...)
	s.until(t, ": the stream is open")
	k.account(t, k.as("alice"))
	k.workspace(t, k.as("alice"))
	k.token(t, "alice", core.AuditRead, time.Hour)
	k.secret(t, k.as("alice"))
	if line := s.until(t, "event: "); line != "event: secret" {
		t.Errorf("got %q", line)
	}
	k.send(t, "DELETE", "/v1/tokens/"+a.Via.ID, "", all...).want(t, http.StatusNoContent, "")
	if line := s.until(t, "event: "); line != "" {
		t.Errorf("got %q", line)
	}
}

// A proxy in between closes what says nothing, and a token that has expired ends
// its stream though nothing happens.
func TestAStreamSaysThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := guardtest.New(t)
		c := configOf(k, slog.New(slog.DiscardHandler))
		c.Events = event.New(k.Guard, change.New(k.Store, 0))
		s := httpapi.New(c)
		w := &flushed{ResponseRecorder: httptest.NewRecorder()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		s.Local(core.LocalUser).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/v1/events", nil))
		if n := strings.Count(w.Body.String(), ": still here\n\n"); n != 4 || w.flushes != 5 {
			t.Errorf("%d signs of life and %d flushes in a minute: %s", n, w.flushes, w.Body)
		}
	})
}

type flushed struct {
	*httptest.ResponseRecorder
	flushes int
}

func (f *flushed) Flush() { f.flushes++ }
