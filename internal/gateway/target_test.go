package gateway

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]target{
		"/p/anthropic/default":                       {"anthropic", "default", "", ""},
		"/p/anthropic/default/":                      {"anthropic", "default", "", ""},
		"/p/anthropic/default/v1/messages":           {"anthropic", "default", "/v1/messages", "/v1/messages"},
		"/p/anthropic/default//v1/messages":          {"anthropic", "default", "/v1/messages", "/v1/messages"},
		"/p/openai/work/v1/models/a%2Fb":             {"openai", "work", "/v1/models/a/b", "/v1/models/a%2Fb"},
		"/p/google/default/v1beta/models/x:stream":   {"google", "default", "/v1beta/models/x:stream", "/v1beta/models/x:stream"},
		"/p/openai/default/v1/files/...":             {"openai", "default", "/v1/files/...", "/v1/files/..."},
		"/p/openai/default/v1/models/a;b/x..y":       {"openai", "default", "/v1/models/a;b/x..y", "/v1/models/a;b/x..y"},
		"/p/openai-compatible/team_1.x/v1/%E2%82%AC": {"openai-compatible", "team_1.x", "/v1/€", "/v1/%E2%82%AC"},
	} {
		got, err := parseTarget(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "/p", "/p/", "/p/anthropic", "/p//default/v1", "/p/anthropic//v1/x", "/v1/messages", "/p/../default/v1",
		"/p/anthropic/default/../x", "/p/anthropic/default/v1/%2e%2e/x", "/p/anthropic/default/v1/..%2fx", "/p/anthropic/default/v1/.",
		"/p/anthropic/default/v1/..%5Cx", "/p/anthropic/default/v1/%00", "/p/anthropic/default/v1/%0d%0aX: y", "/p/anthropic/default/%zz",
		"/p/anthropic/default/..;/admin", "/p/anthropic/default/v1/..;a=b/x", "/p/anthropic/default/.;/x", "/p/anthropic/default/..%3b/x",
		"/p/anthropic/default/%252e%252e%252fx", "/p/anthropic/default/%25252e/x", "/p/anthropic/default/x%2525", "/p/anthropic/default/..%c0%afx",
		"/p/anthropic/default/%c0%ae%c0%ae/x", "/p/anthropic/default/%ff", "/p/anthropic/default/..%20/x", "/p/anthropic/default/%2e%2e%5cx",
		"/p/anthropic/default/%EF%BC%8E%EF%BC%8E/x", "/p/anthropic/default/..%EF%BC%8Fx", "/p/anthropic/default/%u002e%u002e/x",
		"/p/an%74hropic/default/v1", "/p/anthropic/..", "/p/anthropic/%2e%2e/x",
	} {
		if got, err := parseTarget(in); err == nil {
			t.Errorf("%s is taken: %+v", in, got)
		}
	}
}

// Whatever is taken stays below the base URL's path when it is joined to it,
// however often it is unescaped once on the way.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"/p/a/b/c", "/p/a/b/%2e%2e/c", "/p/a/b//c", "/p/a/b/c%2F..%2Fd", `/p/a/b/c\..\d`, "/p/a/b/%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseTarget(in)
		if err != nil {
			return
		}
		if !isName(got.provider) || !isName(got.namespace) {
			t.Fatalf("%q: names %q and %q", in, got.provider, got.namespace)
		}
		u := url.URL{Scheme: "http", Host: "h", Path: got.path, RawPath: got.escaped}
		joined, err := url.Parse("http://h/base" + u.EscapedPath())
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if joined.Host != "h" || !strings.HasPrefix(joined.JoinPath().Path, "/base") {
			t.Fatalf("%q leaves the base: %q", in, joined)
		}
	})
}
