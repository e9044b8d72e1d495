package failover_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"keyfob/failover"
)

func TestDoFailsOver(t *testing.T) {
	stream := []string{"Content-Type", "text/event-stream"}
	overload := "data: {\"type\":\"overloaded\"}\n\n"
	refuse := func(w http.ResponseWriter, _ *http.Request) { answer(429, "slow down", "Retry-After", "60")(w, nil) }
	for name, first := range map[string]http.HandlerFunc{
		"429":                          refuse,
		"529":                          answer(529, "overloaded"),
		"dead":                         answer(401, "dead"),
		"overload first":               answer(200, overload, stream...),
		"overload after message_start": answer(200, "event: message_start\ndata: {}\n\n"+overload, stream...),
		"overload after ping":          answer(200, ": hello\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n"+overload, stream...),
		"long refusal":                 answer(429, strings.Repeat("x", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": first, "b": answer(200, "hello")})
			body := strings.Repeat("prompt ", 10_000)
			resp, got := do(t, r.Transport, post(body), failover.Query{})
			expect(t, "status", resp.StatusCode, 200)
			expect(t, "answer", got, "hello")
			expectList(t, "accounts", r.accounts(), "a", "b")
			for _, q := range r.requests {
				expect(t, "body of "+q.account, q.body == body, true)
			}
			expect(t, "request holds no credential", resp.Request.Header.Get("X-Account"), "")
			do(t, r.Transport, post("next"), failover.Query{})
			expectList(t, "accounts after the next", r.accounts(), "a", "b", "b")
			expect(t, "attempts", len(r.attempts), 3)
			expect(t, "first is final", r.attempts[0].Final, false)
			expect(t, "second is final", r.attempts[1].Final, true)
		})
	}
}

func TestDoPassesOn(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	late := "event: message_start\ndata: {}\n\ndata: {\"type\":\"late\"}\n\n"
	sse := "event: message_start\rdata: {}\r\rdata: hello\r\rdata: {\"type\":\"overloaded\"}\r\r"
	for name, c := range map[string]struct {
		h      http.HandlerFunc
		status int
		body   string
	}{
		"a 500 that may have done work":      {answer(500, long), 500, long},
		"a 400 of the request's":             {answer(400, "bad"), 400, "bad"},
		"a redirect":                         {answer(302, "there", "Location", "/other"), 302, "there"},
		"an overload that may have worked":   {answer(200, late, "Content-Type", "text/event-stream"), 200, late},
		"an overload after the stream began": {answer(200, sse, "Content-Type", "text/event-stream; charset=utf-8"), 200, sse},
		"a prelude alone":                    {answer(200, ": x\n\nevent: ping\ndata: 1\n\n", "Content-Type", "text/event-stream"), 200, ": x\n\nevent: ping\ndata: 1\n\n"},
		"no content":                         {answer(204, ""), 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": c.h, "b": answer(200, "no")})
			resp, got := do(t, r.Transport, post("x"), failover.Query{})
			expect(t, "status", resp.StatusCode, c.status)
			expect(t, "body unchanged", got == c.body, true)
			expectList(t, "accounts", r.accounts(), "a")
			expect(t, "local", resp.Header.Get(failover.LocalHeader), "")
		})
	}
}

func TestClassifySeesSixteenKiB(t *testing.T) {
	long := strings.Repeat("z", 100_000)
	r := newRig(t, []string{"a"}, map[string]http.HandlerFunc{"a": answer(400, long)})
	saw := -1
	r.Classify = func(_ int, _ http.Header, b []byte) failover.Verdict { saw = len(b); return failover.Verdict{} }
	_, got := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "bytes for Classify", saw, 16<<10)
	expect(t, "whole body", got == long, true)
}

func TestAllCooling(t *testing.T) {
	limited := func(s string) http.HandlerFunc { return answer(429, "x", "Retry-After", s) }
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": limited("3600"), "b": limited("119.5")})
	for range 2 {
		resp, body := do(t, r.Transport, post("x"), failover.Query{})
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "local", resp.Header.Get("Keyfob-Local"), "all_cooling")
		expect(t, "json", body, `{"error":{"type":"all_cooling","message":"every account is cooling down"}}`)
		if s := resp.Header.Get("Retry-After"); s != "119" && s != "120" && s != "121" {
			t.Errorf("Retry-After: got %q, want the soonest", s)
		}
	}
	expectList(t, "accounts", r.accounts(), "a", "b")
}

func TestNoAccount(t *testing.T) {
	r := newRig(t, nil, nil)
	resp, _ := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "status", resp.StatusCode, 503)
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "no_account")
}

func TestAllDeadGivesTheLastAnswer(t *testing.T) {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": answer(401, "dead a"), "b": answer(401, "dead b", "Keyfob-Local", "forged")})
	resp, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "status", resp.StatusCode, 401)
	expect(t, "body", body, "dead b")
	expect(t, "forged header", resp.Header.Get("Keyfob-Local"), "")
	expect(t, "final", r.attempts[1].Final, true)
	resp, _ = do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "then", resp.StatusCode, 503)
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "no_account")
	expect(t, "retry", resp.Header.Get("Retry-After"), "")
}

func TestSingleShot(t *testing.T) {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": answer(429, "slow", "Retry-After", "9"), "b": answer(200, "ok")})
	q := post("x")
	q.GetBody = nil
	resp, body := do(t, r.Transport, q, failover.Query{})
	expect(t, "status", resp.StatusCode, 429)
	expect(t, "body", body, "slow")
	expect(t, "upstream's own", resp.Header.Get("Keyfob-Local"), "")
	resp, _ = do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "the verdict counts for the next", resp.StatusCode, 200)
	expectList(t, "accounts", r.accounts(), "a", "b")
}

func TestRefresh(t *testing.T) {
	for name, c := range map[string]struct {
		mends  bool
		err    error
		calls  int32
		status int
		want   []string
	}{
		"mends":          {true, nil, 1, 200, []string{"a", "a"}},
		"mends not":      {false, nil, 1, 200, []string{"a", "a", "b"}},
		"cannot refresh": {false, errors.New("no refresh token"), 1, 200, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var fresh atomic.Bool
			var calls atomic.Int32
			r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"b": answer(200, "b"), "a": func(w http.ResponseWriter, q *http.Request) {
				if fresh.Load() {
					answer(200, "a")(w, q)
					return
				}
				answer(401, "expired")(w, q)
			}})
			r.Refresh = func(context.Context, string) error {
				calls.Add(1)
				fresh.Store(c.mends)
				return c.err
			}
			resp, _ := do(t, r.Transport, post("same"), failover.Query{})
			expect(t, "status", resp.StatusCode, c.status)
			expect(t, "refreshes", calls.Load(), c.calls)
			expectList(t, "accounts", r.accounts(), c.want...)
			expect(t, "body again", r.requests[1].body, "same")
		})
	}
}

func TestApplyFails(t *testing.T) {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"b": answer(200, "b")})
	broken, next := errors.New("does not open"), r.Apply
	r.Apply = func(ctx context.Context, q *http.Request, id string) error {
		if id == "a" {
			return broken
		}
		return next(ctx, q, id)
	}
	_, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "body", body, "b")
	expect(t, "held against anybody", len(r.changed), 0)
	r.members.Load([]failover.Member{{ID: "a"}}, nil)
	if _, err := r.Do(post("x"), failover.Query{}); !errors.Is(err, broken) {
		t.Errorf("error: got %v, want Apply's", err)
	}
}

func TestClientCancels(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": func(_ http.ResponseWriter, q *http.Request) {
		arrived <- struct{}{}
		select {
		case <-q.Context().Done():
		case <-release:
		}
	}})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := r.Do(post("x").WithContext(ctx), failover.Query{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error: got %v, want canceled", err)
	}
	expectList(t, "accounts", r.accounts(), "a")
	expect(t, "held against anybody", len(r.members.Health(time.Now())), 0)
}

// A client sent a body that broke off in the middle. The account that it was on
// its way to was held to have failed, a second longer each time, so a client
// could keep every account of the pool resting.
func TestBrokenBodyIsNobodysFault(t *testing.T) {
	broken := errors.New("malformed body")
	for name, again := range map[string]bool{"single shot": false, "with GetBody": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": answer(200, "ok"), "b": answer(200, "ok")})
			body := func() io.ReadCloser {
				return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 64<<10)), iotest.ErrReader(broken)))
			}
			q := post("")
			q.Body, q.GetBody, q.ContentLength = body(), nil, -1
			if again {
				q.GetBody = func() (io.ReadCloser, error) { return body(), nil }
			}
			if _, err := r.Do(q, failover.Query{}); !errors.Is(err, broken) {
				t.Errorf("error: got %v, want the body's", err)
			}
			expect(t, "attempts", len(r.attempts), 1)
			expect(t, "held against anybody", len(r.members.Health(time.Now())), 0)
		})
	}
}

func TestTrailersAndFlush(t *testing.T) {
	next := make(chan struct{})
	r := newRig(t, []string{"a"}, map[string]http.HandlerFunc{"a": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "event: message_start\ndata: {}\n\ndata: one\n\n")
		w.(http.Flusher).Flush()
		<-next
		_, _ = io.WriteString(w, "data: two\n\n")
		w.Header().Set("X-Sum", "42")
	}})
	resp, err := r.Do(post("x"), failover.Query{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("event: message_start\ndata: {}\n\ndata: one\n\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil { // arrives while the upstream waits for us
		t.Fatal(err)
	}
	close(next)
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "rest", string(rest), "data: two\n\n")
	expect(t, "trailer", resp.Trailer.Get("X-Sum"), "42")
}

func TestLocalHook(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Local = func(_ *http.Request, l failover.Local) *http.Response {
		return &http.Response{StatusCode: l.Status, Body: io.NopCloser(bytes.NewBufferString(l.Reason))}
	}
	resp, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "body", body, "no_account")
	expect(t, "header", resp.Header.Get("Keyfob-Local"), "no_account")
}

func TestRoundTripTakesTheQueryFromTheContext(t *testing.T) {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"b": answer(200, "b")})
	q := post("x")
	resp, err := r.RoundTrip(q.WithContext(failover.WithQuery(q.Context(), failover.Query{Bound: "b"})))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	expectList(t, "accounts", r.accounts(), "b")
}

func TestAsClientTransport(t *testing.T) {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"a": answer(429, ""), "b": answer(200, "b")})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		resp, err := r.Do(post(string(b)).WithContext(q.Context()), failover.Query{})
		if err != nil {
			w.WriteHeader(500)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer front.Close()
	resp, err := http.Post(front.URL, "text/plain", strings.NewReader("hi"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	expect(t, "body", string(b), "b")
}

// tracked counts the bodies that are open.
type tracked struct {
	io.Reader
	open *atomic.Int32
	once sync.Once
}

func (b *tracked) Close() error { b.once.Do(func() { b.open.Add(-1) }); return nil }

// TestBodiesAreClosed: every body that a request was given is closed, however
// it ends.
func TestBodiesAreClosed(t *testing.T) {
	var open atomic.Int32
	body := func() (io.ReadCloser, error) {
		open.Add(1)
		return &tracked{Reader: strings.NewReader("x"), open: &open}, nil
	}
	for _, replayable := range []bool{true, false} {
		for name, c := range map[string]struct {
			ids   []string
			apply error
		}{"answered": {[]string{"a", "b"}, nil}, "no account": {nil, nil}, "not applied": {[]string{"a", "b"}, errors.New("no")}} {
			r := newRig(t, c.ids, map[string]http.HandlerFunc{"a": answer(429, ""), "b": answer(200, "")})
			next := r.Apply
			r.Apply = func(ctx context.Context, q *http.Request, id string) error {
				return errors.Join(c.apply, next(ctx, q, id))
			}
			q := post("")
			q.Body, _ = body()
			q.GetBody, q.ContentLength = nil, 1
			if replayable {
				q.GetBody = body
			}
			if resp, err := r.Do(q, failover.Query{}); err == nil {
				_ = resp.Body.Close()
			}
			expect(t, name+": open bodies", open.Swap(0), 0)
		}
	}
}
