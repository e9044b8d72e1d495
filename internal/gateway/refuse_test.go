package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"keyfob/internal/gateway"
	"keyfob/internal/provider"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

func config() gateway.Config { return gateway.Config{} }

// What a web page can make a browser send is refused, and nothing of it reaches
// the provider.
func TestRefused(t *testing.T) {
	const foreign = "sk-ant-api03-the-users-own-key"
	r := newRig(t, keyfobtest.OK())
	r.key = r.workspace(workspace.Spec{})
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		status int
		local  string
	}{
		{"foreign host", func(q *http.Request) { q.Host = "evil.example" }, 421, "foreign_host"},
		{"loopback host, another port", func(q *http.Request) { q.Host = "127.0.0.1:1" }, 421, "foreign_host"},
		{"a host that begins alike", func(q *http.Request) { q.Host = "127.0.0.1.evil.example" + q.URL.Host[len("127.0.0.1"):] }, 421, "foreign_host"},
		{"origin", func(q *http.Request) { q.Header.Set("Origin", r.gateway.URL) }, 403, "origin"},
		{"empty origin", func(q *http.Request) { q.Header["Origin"] = []string{""} }, 403, "origin"},
		{"no key", func(q *http.Request) { q.Header.Del("X-Api-Key") }, 401, "no_gateway_key"},
		{"the user's own key", func(q *http.Request) { q.Header.Set("X-Api-Key", foreign) }, 401, "not_gateway_key"},
		{"another namespace", func(q *http.Request) { q.URL.Path = "/p/anthropic/work/v1/messages" }, 403, "foreign_namespace"},
		{"unknown provider", func(q *http.Request) { q.URL.Path = "/p/nobody/default/v1/messages" }, 404, "invalid"},
		{"dot segments", func(q *http.Request) { q.URL.Opaque = "//" + q.URL.Host + "/p/anthropic/default/v1/%2e%2e/x" }, 400, "path"},
		{"upgrade", func(q *http.Request) { q.Header.Set("Upgrade", "websocket"); q.Header.Set("Connection", "Upgrade") }, 426, "upgrade"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := r.request(http.MethodPost, path, ask)
			tt.change(q)
			got := r.send(q)
			if got.status != tt.status || got.header.Get("Keyfob-Local") != tt.local {
				t.Errorf("status %d, local %q, want %d %q: %s", got.status, got.header.Get("Keyfob-Local"), tt.status, tt.local, got.body)
			}
			if !strings.Contains(got.body, "Keyfob") || strings.Contains(got.body, foreign) {
				t.Errorf("body %s", got.body)
			}
		})
	}
	if saw := r.saw(); len(saw) > 0 {
		t.Errorf("the provider saw %v", saw)
	}
}

// A client sent TRACE with its gateway key. A server that knows the method
// answers with the request that it got, so the client read the account's own
// key in the body.
func TestMethodsThatEchoAreNotSentOn(t *testing.T) {
	reached := make(chan string, 8)
	r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
		reached <- q.Method
		w.Header().Set("Content-Type", "message/http")
		_ = q.Write(w)
	})
	for _, m := range []string{http.MethodTrace, http.MethodConnect, "TRACK", "DEBUG", "trace", "PRI"} {
		got := r.send(r.request(m, path, ""))
		if got.status != http.StatusNotImplemented || got.header.Get("Keyfob-Local") != "method" || strings.Contains(got.body, keyOne) {
			t.Errorf("%s: status %d, header %v: %s", m, got.status, got.header, got.body)
		}
	}
	if len(reached) > 0 {
		t.Errorf("the upstream got %s", <-reached)
	}
}

// An upstream answered 101 to a request that asked for no other protocol, or
// with a number that is no status: the client's connection was cut without a
// word, or the gateway took it for a fault of its own.
func TestStatusThatIsNone(t *testing.T) {
	for _, line := range []string{
		"101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade", "000 X\r\nContent-Length: 0", "099 X\r\nContent-Length: 0",
	} {
		r := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close() //nolint:errcheck // answered
			_, _ = io.WriteString(c, "HTTP/1.1 "+line+"\r\n\r\n")
		})
		if got := r.post(ask); got.status != http.StatusBadGateway || got.header.Get("Keyfob-Local") != "upstream_status" {
			t.Errorf("%.3s: status %d, header %v: %s", line, got.status, got.header, got.body)
		}
	}
}

func TestHeadIsAnsweredHere(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	for _, p := range []string{"/p/anthropic/default", "/p/anthropic/default/"} {
		q := r.request(http.MethodHead, p, "")
		q.Header.Del("X-Api-Key")
		if got := r.send(q); got.status != http.StatusOK {
			t.Errorf("%s: status %d", p, got.status)
		}
	}
	if saw := r.saw(); len(saw) > 0 {
		t.Errorf("the provider saw %v", saw)
	}
}

func TestRedirectIsNeitherFollowedNorPassedOn(t *testing.T) {
	r := newRig(t, keyfobtest.Redirect("http://127.0.0.1:1/elsewhere"))
	got := r.post(ask)
	if got.status != http.StatusBadGateway || got.header.Get("Keyfob-Local") != "upstream_redirect" || got.header.Get("Location") != "" {
		t.Errorf("status %d, header %v: %s", got.status, got.header, got.body)
	}
	if !strings.Contains(got.body, "anthropic/one") {
		t.Errorf("the message does not say whose base URL to change: %s", got.body)
	}
	if saw := r.saw(); len(saw) != 1 {
		t.Errorf("the provider saw %v", saw)
	}
}

// None of the client's credentials, and not the gateway key, is in anything
// that the provider got or that was logged.
func TestCredentialsOfTheClientGoNoFurther(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	values := map[string]string{"gateway key": r.key, "one": keyOne}
	add := func(name string) string {
		values[name] = "canary-" + strings.ReplaceAll(name, " ", "-") + "-0123456789"
		return values[name]
	}
	q := r.request(http.MethodPost, path+"?beta=true&access_token="+add("token in query")+"&note="+url.QueryEscape(r.key), ask)
	q.Header.Set("Authorization", "Bearer "+add("bearer"))
	q.Header.Set("Api-Key", add("api-key"))
	q.Header.Set("X-Goog-Api-Key", add("goog"))
	q.Header.Set("Cookie", "session="+add("cookie"))
	q.Header.Set("Proxy-Authorization", "Basic "+add("proxy"))
	q.Header.Set("X-Forwarded-For", add("address"))
	q.Header.Set("User-Agent", "client/1.0 "+r.key)
	q.Header.Set("X-Stainless-Lang", "js")
	if got := r.send(q); got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	canary := keyfobtest.NewCanary(values)
	for _, hit := range canary.Find(r.log.Bytes()) {
		t.Errorf("the log holds %s (%s)", hit.Name, hit.Form)
	}
	delete(values, "one") // is what the provider is to get
	canary = keyfobtest.NewCanary(values)
	for _, got := range r.provider.Requests() {
		if got.Key != keyOne || got.RawQuery != "beta=true" || got.Header.Get("X-Stainless-Lang") != "js" {
			t.Errorf("the provider got key %t, query %q, header %v", got.Key == keyOne, got.RawQuery, got.Header)
		}
		text := fmt.Appendf(nil, "%s %s %s %v", got.Method, got.Path, got.RawQuery, got.Header)
		for name, value := range values {
			if bytes.Contains(text, []byte(value)) {
				t.Errorf("the provider got %s", name)
			}
		}
		for _, hit := range canary.Find(text) {
			t.Errorf("the provider got %s (%s)", hit.Name, hit.Form)
		}
	}
	if len(r.provider.Requests()) != 1 {
		t.Errorf("the provider saw %v", r.saw())
	}
}

func TestLogHasFixedFields(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	q := r.request(http.MethodPost, path+"?q=hidden-query", ask)
	q.Header.Set("X-Stainless-Lang", "hidden-header")
	r.send(q)
	eventually(t, "the request is logged", func() bool { return bytes.Contains(r.log.Bytes(), []byte("account=anthropic/one")) })
	if log := string(r.log.Bytes()); strings.Contains(log, "hidden") || strings.Contains(log, "/v1/messages") {
		t.Errorf("the log holds text of the client's: %s", log)
	}
}

// large is a request with this many bytes of text.
func large(n int) string {
	return `{"model":"test-large","max_tokens":64,"messages":[{"role":"user","content":"` + strings.Repeat("x", n) + `"}]}`
}

// chunked hides the length, as a client that streams its body does.
type chunked struct{ io.Reader }

func TestLargeBodies(t *testing.T) {
	body := large(3 << 20)
	for _, tt := range []struct {
		name   string
		config gateway.Config
		known  bool
		single bool
	}{
		{"through a file", gateway.Config{}, true, false},
		{"through a file, length unknown", gateway.Config{}, false, false},
		{"memory used up", gateway.Config{MemoryBudget: 1}, true, false},
		{"beyond the limit", gateway.Config{MaxBody: 2 << 20}, true, true},
		{"beyond the limit, length unknown", gateway.Config{MaxBody: 2 << 20}, false, true},
		{"disk used up", gateway.Config{DiskBudget: 2 << 20}, true, true},
		{"no directory", gateway.Config{SpoolDir: "/nowhere"}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, keyfobtest.RateLimited(time.Hour))
			if tt.config.SpoolDir == "" {
				tt.config.SpoolDir = t.TempDir()
			}
			r.serve(tt.config)
			q := r.request(http.MethodPost, path, body)
			if !tt.known {
				q.Body, q.ContentLength, q.GetBody = io.NopCloser(chunked{strings.NewReader(body)}), -1, nil
			}
			got := r.send(q)
			want, accounts := http.StatusOK, 2
			if tt.single {
				want, accounts = http.StatusTooManyRequests, 1
			}
			if got.status != want || (got.header.Get(gateway.HeaderSingleShot) == "body") != tt.single {
				t.Errorf("status %d, %s %q", got.status, gateway.HeaderSingleShot, got.header.Get(gateway.HeaderSingleShot))
			}
			seen := r.provider.Requests()
			if len(seen) != accounts {
				t.Errorf("the provider saw %v", r.saw())
			}
			for _, s := range seen {
				if string(s.Body) != body {
					t.Errorf("account %s got %d bytes of %d", s.Account, len(s.Body), len(body))
				}
			}
			if left, _ := os.ReadDir(tt.config.SpoolDir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// upstream is a server of the test's own, where the provider is too well-behaved.
func upstream(t *testing.T, h http.HandlerFunc) *rig {
	t.Helper()
	srv := newServer(t, h)
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("anthropic", "one", keyOne, srv)
	return r
}

func newServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + l.Addr().String()
}

// A client sent more than is kept of a body, and then what is no chunk of one.
// The account rested for it, each time longer, in every run of the home.
func TestMalformedBodyIsNotHeldAgainstTheAccount(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	r.serve(gateway.Config{Memory: 64 << 10, MaxBody: 128 << 10})
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.gateway.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the answer was read
	const size = gateway.HeadSize + 1<<10
	_, _ = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nno chunk\r\n",
		path, r.gateway.Listener.Addr(), r.key, size, large(size)[:size])
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // its status says all
	if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Keyfob-Local") != "body" {
		t.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
	}
	if n := held(t, r.home); n > 0 {
		t.Errorf("%d cooldowns", n)
	}
}

// Each event reaches the client before the upstream sends the next one: the
// upstream waits for the client to have it.
func TestStreamIsPassedOnAsItComes(t *testing.T) {
	const events = 5
	seen := make(chan struct{}, events)
	r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range events {
			_, _ = fmt.Fprintf(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"n\":%d}\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-seen:
			case <-q.Context().Done():
				return
			}
		}
	})
	resp, err := http.DefaultClient.Do(r.request(http.MethodPost, path, stream))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	n := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") {
			n++
			seen <- struct{}{}
		}
	}
	if n != events {
		t.Errorf("%d events came", n)
	}
}

func TestClientThatGoesAwayCancelsTheUpstream(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream begun %t", begun), func(t *testing.T) {
			reached, ended := make(chan struct{}), make(chan struct{})
			r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
				_, _ = io.Copy(io.Discard, q.Body)
				if begun {
					w.Header().Set("Content-Type", "text/event-stream")
					_, _ = io.WriteString(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n")
					w.(http.Flusher).Flush()
				}
				close(reached)
				<-q.Context().Done()
				close(ended)
			})
			ctx, cancel := context.WithCancel(t.Context())
			q := r.request(http.MethodPost, path, stream).WithContext(ctx)
			done := make(chan error, 1)
			go func() {
				resp, err := http.DefaultClient.Do(q)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				done <- err
			}()
			<-reached
			cancel()
			if err := <-done; err == nil {
				t.Error("the client got a whole answer")
			}
			<-ended
			if n := held(t, r.home); n != 0 {
				t.Errorf("%d things are held against the account", n)
			}
		})
	}
}

// What the upstream adds to its answer passes by the allow-list only, and its
// own headers of our names do not.
func TestResponseHeaders(t *testing.T) {
	r := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Set-Cookie": "a=b", "Location": "http://x", "Keyfob-Local": "all_cooling", "Keyfob-Account": "x/y", "Keyfob-Other": "1",
			"X-Internal": "1", "Www-Authenticate": "Basic", "Request-Id": "req_1", "Content-Type": "application/json",
			"Anthropic-Ratelimit-Requests-Remaining": "5", "Connection": "X-Request-Id", "X-Request-Id": "hop",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	got := r.post(ask)
	for name, want := range map[string]string{
		"Set-Cookie": "", "Location": "", "Keyfob-Local": "", "Keyfob-Account": "anthropic/one", "Keyfob-Other": "", "X-Internal": "",
		"Www-Authenticate": "", "Request-Id": "req_1", "Content-Type": "application/json",
		"Anthropic-Ratelimit-Requests-Remaining": "5", "X-Request-Id": "",
	} {
		if v := got.header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
}

// A request that hits what is in memory reads no store: it is answered though
// the store is closed.
func TestHotPathReadsNoStore(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	if err := r.home.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.post(ask); got.status != http.StatusOK {
		t.Errorf("status %d with the store closed: %s", got.status, got.body)
	}
	h := r.home
	r.close(func() error { _ = h.Kill(); return nil })
}

type panics struct{ provider.Adapter }

func (panics) Inspect(_, _ string, _ http.Header, head []byte) provider.Marks { panic(string(head)) }

// A fault of ours is an answer, and the text of the request, which a panic may
// carry, is not in the log.
func TestPanicIsContained(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir(), log: &syncBuffer{}, provider: newProvider(t, keyfobtest.OK(), keyfobtest.OK())}
	r.adapter = func(a provider.Adapter) provider.Adapter { return panics{a} }
	r.open()
	r.account("anthropic", "one", keyOne, r.provider.URL())
	for range 2 {
		if got := r.post(`{"model":"hidden-text"}`); got.status != http.StatusInternalServerError || got.header.Get("Keyfob-Local") != "panic" {
			t.Errorf("status %d, local %q: %s", got.status, got.header.Get("Keyfob-Local"), got.body)
		}
	}
	if log := string(r.log.Bytes()); !strings.Contains(log, "msg=panic") || strings.Contains(log, "hidden-text") {
		t.Errorf("log: %s", log)
	}
}

// The rest of a large body still arrives while the answer streams already.
func TestSingleShotBodyGoesOnDuringTheAnswer(t *testing.T) {
	got := make(chan int64, 1)
	begun := make(chan struct{})
	r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		head := make([]byte, 1<<10)
		n, _ := io.ReadFull(q.Body, head)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		rest, _ := io.Copy(io.Discard, q.Body)
		got <- int64(n) + rest
		_, _ = io.WriteString(w, " and done")
	})
	r.serve(gateway.Config{MaxBody: 1})
	// What is left is little enough for net/http to read it itself before an
	// answer, if it is not told otherwise.
	const early = gateway.HeadSize + 1<<10
	const size = early + 100<<10
	body, in := io.Pipe()
	q := r.request(http.MethodPost, path, "")
	q.Body, q.ContentLength, q.GetBody = body, size, nil
	go func() {
		_, _ = in.Write(make([]byte, early))
		<-begun
		_, _ = in.Write(make([]byte, size-early))
		_ = in.Close()
	}()
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	close(begun)
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "begun and done" {
		t.Errorf("%q, %v", text, err)
	}
	if n := <-got; n != size {
		t.Errorf("the upstream got %d bytes of %d", n, size)
	}
}

// A link holds a key in its query, which a browser follows without a word of its
// own. Google's clients send theirs so; no other provider's do.
func TestKeyInTheQueryIsGooglesAlone(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	r.account("google", "one", keyOne, r.provider.URL())
	for p, want := range map[string]string{"anthropic": "no_gateway_key", "openai": "no_gateway_key", "google": ""} {
		q := r.request(http.MethodGet, "/p/"+p+"/default/v1beta/models?key="+r.key, "")
		q.Header.Del("X-Api-Key")
		got := r.send(q)
		if got.header.Get("Keyfob-Local") != want || (want == "") != (got.status != http.StatusUnauthorized) {
			t.Errorf("%s: status %d, %v: %s", p, got.status, got.header, got.body)
		}
	}
}
