package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/provider"
	"keyfob/keyfobtest"
)

// shielded says what an answer lacks of what keeps it from being a document of
// this host.
func shielded(h http.Header) (missing []string) {
	for name, want := range map[string]string{
		"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			missing = append(missing, name+": "+strings.Join(got, " | "))
		}
	}
	return missing
}

// allowing is an adapter that allows every header.
type allowing struct{ provider.Adapter }

func (allowing) RequestHeader(string) bool  { return true }
func (allowing) ResponseHeader(string) bool { return true }

// A user added an account whose upstream answered with a page and a script, and
// sent the administrator a link to it, below /p/ of the very host where the
// administrator was signed in. The browser showed the page as Keyfob's own, and
// its script made a token with the administrator's session.
func TestBrowserGetsNothingFromTheGateway(t *testing.T) {
	reached := 0
	r := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		reached++
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<script>steal()</script>")
	})
	for _, h := range []map[string]string{
		{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"},
		{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "navigate"}, {"Sec-Fetch-Mode": "same-origin"},
		{"Sec-Fetch-Mode": "websocket"}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, {"Sec-Fetch-Dest": "style"},
		{"Sec-Fetch-Dest": "worker"}, {"Sec-Fetch-Dest": "serviceworker"}, {"Sec-Fetch-Dest": "object"}, {"Sec-Fetch-Dest": "embed"},
		{"Sec-Fetch-Dest": "frame"}, {"Sec-Fetch-Dest": "image"}, {"Service-Worker": "script"},
		{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"},
	} {
		q := r.request(http.MethodGet, path, "")
		for name, v := range h {
			q.Header.Set(name, v)
		}
		got := r.send(q)
		if got.status != http.StatusForbidden || got.header.Get("Keyfob-Local") != "origin" || strings.Contains(got.body, "script") {
			t.Errorf("%v: status %d, %s", h, got.status, got.body)
		}
		if missing := shielded(got.header); missing != nil {
			t.Errorf("%v: %q", h, missing)
		}
	}
	if reached > 0 {
		t.Errorf("the upstream was asked %d times", reached)
	}
	got := r.post(ask) // an older browser says nothing of itself: what it gets must not run
	if got.status != http.StatusOK || got.body != "<script>steal()</script>" || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("status %d, %v: %s", got.status, got.header, got.body)
	}
	if missing := shielded(got.header); missing != nil {
		t.Errorf("the upstream's answer has %q", missing)
	}
}

// The fetch of Node.js names its mode, and Electron's main process all three.
func TestProgramsThatSpeakLikeBrowsersAreAnswered(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	for _, h := range []map[string]string{
		{}, {"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "none"},
	} {
		q := r.request(http.MethodPost, path, ask)
		for name, v := range h {
			q.Header.Set(name, v)
		}
		if got := r.send(q); got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: status %d, %v", h, got.status, got.header)
		}
	}
}

// The upstream's word was kept by shared caches, though another key would have
// got another answer; and one that is allowed more by mistake must not speak to
// the browser for the host.
func TestUpstreamDoesNotSpeakForTheHost(t *testing.T) {
	hostile := map[string]string{
		"Cache-Control": "public, max-age=3600", "Pragma": "x", "Expires": "Thu, 01 Jan 2099 00:00:00 GMT",
		"Content-Security-Policy": "script-src *", "Content-Security-Policy-Report-Only": "default-src *; report-uri http://x", "X-Content-Type-Options": "x",
		"Cross-Origin-Resource-Policy": "cross-origin", "Cross-Origin-Opener-Policy": "unsafe-none", "X-Frame-Options": "ALLOWALL",
		"Set-Cookie": "a=b", "Clear-Site-Data": `"*"`, "Service-Worker-Allowed": "/", "Refresh": "0; url=http://x", "Link": "</x>; rel=preload",
		"Sourcemap": "/x", "X-Sourcemap": "/x", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true",
		"Strict-Transport-Security": "max-age=0", "Report-To": "{}", "Reporting-Endpoints": "x", "Nel": "{}", "Content-Location": "/x",
		"Location": "/x", "Alt-Svc": `h3="x:1"`, "Www-Authenticate": "Basic", "Speculation-Rules": `"/x"`, "X-Accel-Redirect": "/x", "X-Sendfile": "/etc/passwd",
	}
	for _, wrap := range []func(provider.Adapter) provider.Adapter{nil, func(a provider.Adapter) provider.Adapter { return allowing{a} }} {
		r := &rig{t: t, dir: t.TempDir(), log: &syncBuffer{}, provider: newProvider(t, keyfobtest.OK(), keyfobtest.OK()), adapter: wrap}
		r.open()
		r.account("anthropic", "one", keyOne, newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			for name, v := range hostile {
				w.Header().Set(name, v)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Request-Id", "req_1")
			_, _ = io.WriteString(w, "{}")
		}))
		got := r.post(ask)
		if got.status != http.StatusOK || got.header.Get("Request-Id") != "req_1" {
			t.Fatalf("status %d, %v", got.status, got.header)
		}
		if missing := shielded(got.header); missing != nil {
			t.Errorf("it has %q", missing)
		}
		for name, v := range hostile {
			if got.header.Get(name) == v {
				t.Errorf("%s passes", name)
			}
		}
	}
}

// What is made here is shielded, too: refusals of each kind, the HEAD that needs
// no key, and the answer after a fault.
func TestAnswersOfOursAreShielded(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir(), log: &syncBuffer{}, provider: newProvider(t, keyfobtest.OK(), keyfobtest.OK())}
	r.adapter = func(a provider.Adapter) provider.Adapter { return panics{a} }
	r.open()
	for want, change := range map[int]func(*http.Request){
		200: func(q *http.Request) { q.Method, q.URL.Path = http.MethodHead, "/p/anthropic/default" },
		401: func(q *http.Request) { q.Header.Del("X-Api-Key") },
		404: func(q *http.Request) { q.URL.Path = "/p/nobody/default/x" },
		421: func(q *http.Request) { q.Host = "evil.example" },
		500: func(*http.Request) {},
	} {
		q := r.request(http.MethodPost, path, "")
		change(q)
		got := r.send(q)
		if missing := shielded(got.header); got.status != want || missing != nil {
			t.Errorf("%d, want %d: lacks %q", got.status, want, missing)
		}
	}
}
