package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/provider"
)

func testKey() string { return string(core.NewToken(core.GatewayKeyPrefix).Reveal()) }

func TestGatewayKeyIsFoundWhereClientsPutIt(t *testing.T) {
	key := testKey()
	for name, put := range map[string]func(*http.Request){
		"bearer":            func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) },
		"bearer lower case": func(r *http.Request) { r.Header.Set("Authorization", "bearer "+key) },
		"x-api-key":         func(r *http.Request) { r.Header.Set("x-api-key", key) },
		"api-key":           func(r *http.Request) { r.Header.Set("api-key", key) },
		"x-goog-api-key":    func(r *http.Request) { r.Header.Set("x-goog-api-key", key) },
		"query":             func(r *http.Request) { r.URL.RawQuery = "alt=sse&key=" + key },
		"beside another": func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer sk-ant-other")
			r.Header.Set("x-api-key", key)
		},
	} {
		r := httptest.NewRequest(http.MethodPost, "/p/a/b/c", nil)
		put(r)
		if got, inQuery, err := gatewayKey(r); err != nil || got != key || inQuery != (name == "query") {
			t.Errorf("%s: not found, or elsewhere: %v", name, err)
		}
	}
}

func TestGatewayKeyRefused(t *testing.T) {
	const foreign = "sk-ant-api03-looks-real"
	session := string(core.NewToken(core.SessionKeyPrefix).Reveal())
	damaged := testKey()[:60] + "a"
	for name, put := range map[string]func(*http.Request){
		"none":        func(*http.Request) {},
		"foreign":     func(r *http.Request) { r.Header.Set("x-api-key", foreign) },
		"session key": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+session) },
		"damaged":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+damaged) },
		"basic":       func(r *http.Request) { r.Header.Set("Authorization", "Basic "+testKey()) },
		"query":       func(r *http.Request) { r.URL.RawQuery = "key=" + foreign },
	} {
		r := httptest.NewRequest(http.MethodPost, "/p/a/b/c", nil)
		put(r)
		_, _, err := gatewayKey(r)
		e, ok := err.(*core.Error)
		if !ok || e.Code != core.Unauthenticated || e.Hint == "" {
			t.Errorf("%s: error %v, want unauthenticated with a hint", name, err)
			continue
		}
		for _, v := range []string{foreign, session, damaged} {
			if strings.Contains(e.Message+e.Hint, v) {
				t.Errorf("%s: the error holds the key", name)
			}
		}
	}
}

func TestStripQuery(t *testing.T) {
	key := testKey()
	for in, want := range map[string]string{
		"":                               "",
		"alt=sse":                        "alt=sse",
		"key=" + key:                     "",
		"alt=sse&key=x&b=%20c":           "alt=sse&b=%20c",
		"KEY=x&a=1":                      "a=1",
		"%6bey=x&a=1":                    "a=1",
		"api_key=x&access_token=y&a=1":   "a=1",
		"note=" + key + "&a=1":           "a=1",
		"note=kfg%5F" + key[4:] + "&a=1": "a=1",
		"pageToken=p&monkey=m":           "pageToken=p&monkey=m",
		"a=1;key=x&b=2":                  "b=2",
		"key[]=x&oauth_token=y&b=2":      "b=2",
		"a=x%3By&b=2":                    "a=x%3By&b=2",
	} {
		if got := stripQuery(in, key); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestRequestHeader(t *testing.T) {
	key := testKey()
	in := http.Header{
		"Authorization": {"Bearer " + key}, "X-Api-Key": {"sk"}, "Cookie": {"a=b"}, "Proxy-Authorization": {"Basic x"},
		"Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "X-Note": {"my key is " + key}, "X-Forwarded-For": {"10.0.0.1"},
		"Accept": {"text/event-stream"}, "Anthropic-Version": {"2023-06-01"}, "Accept-Encoding": {"gzip"}, "X-Other": {"1"},
		"X-Stainless-Api-Key": {"1"}, "X-Codex-Authorization": {"1"}, "X-Goog-Token": {"1"},
	}
	got := requestHeader(in, func(name string) bool { return name != "X-Other" }, key)
	for name := range got {
		switch name {
		case "Accept", "Anthropic-Version", "User-Agent":
		default:
			t.Errorf("%s passes", name)
		}
	}
	if got.Get("Accept") != "text/event-stream" || got.Get("Anthropic-Version") != "2023-06-01" {
		t.Errorf("what may pass does not: %v", got)
	}
}

// Nothing that is stripped comes through, whatever it looks like.
func FuzzStrip(f *testing.F) {
	f.Add("a=1&key=K", "X-Note", "my K")
	f.Add("k%65y=K;b=2", "Authorization", "Bearer K")
	f.Add("a=%4B%zz", "x-goog-api-key", "K")
	key := testKey()
	f.Fuzz(func(t *testing.T, query, name, value string) {
		query, value = strings.ReplaceAll(query, "K", key), strings.ReplaceAll(value, "K", key)
		out := stripQuery(query, key)
		if strings.Contains(out, key) {
			t.Fatalf("the key passes in the query %q", query)
		}
		values, _ := url.ParseQuery(out)
		for n, vs := range values {
			if provider.SecretName(n) || holds(vs, key) || strings.Contains(n, key) {
				t.Fatalf("%q passes in the query %q", n, query)
			}
		}
		h := requestHeader(http.Header{http.CanonicalHeaderKey(name): {value}}, func(string) bool { return true }, key)
		for n, vs := range h {
			if neverPass[n] || provider.SecretHeader(n) || holds(vs, key) {
				t.Fatalf("header %q passes", n)
			}
		}
	})
}
