package wire_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

func TestBase(t *testing.T) {
	const def = "https://api.example.com/v1"
	for _, tc := range []struct{ raw, def, want string }{
		{"", def, def},
		{"https://api.example.com", def, def}, // the official host alone
		{"https://api.example.com/", def, def},
		{"https://API.example.com:443/v1/", def, def},
		{" https://other.example/a//b/ ", def, "https://other.example/a/b"},
		{"https://other.example", def, "https://other.example"},
		{"http://127.0.0.1:8080/v1", def, "http://127.0.0.1:8080/v1"},
		{"http://127.9.9.9", def, "http://127.9.9.9"},
		{"http://localhost:80", "", "http://localhost"},
		{"http://[::1]:1/", "", "http://[::1]:1"},
		{"https://[2001:DB8::1]/x", "", "https://[2001:db8::1]/x"},
	} {
		if got, err := wire.Base(tc.raw, tc.def); err != nil || got != tc.want {
			t.Errorf("Base(%q) = %q, %v, want %q", tc.raw, got, err, tc.want)
		}
	}
}

func TestBaseRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "api.example.com", "/v1", "https://", "https:///v1", "https:api", "ftp://x.example", "file:///etc/passwd", "unix:/x",
		"http://api.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://0.0.0.0",
		"https://u:sekret@x.example", "https://sekret@x.example", "https://x.example/?key=sekret", "https://x.example/?",
		"https://x.example/#sekret", "https://x.example/#", "https://x.example:0/", "https://x.example:70000/", "https://x.example:/",
		"https://x.example/a/../b", "https://x.example/%2e%2e/b", "https://x.example/a%0ab", "https://x.example/\x00", "https://x example/",
		"https://api.anthropİc.com", "https://api.anthrop%C4%B0c.com", "https://b\u00fccher.example",
	} {
		got, err := wire.Base(raw, "")
		e, ok := errors.AsType[*core.Error](err)
		if !ok {
			t.Errorf("Base(%q) = %q, %v", raw, got, err)
			continue
		}
		if e.Code != core.Invalid || e.Field != "base_url" || e.Hint == "" || strings.Contains(e.Error()+e.Hint, "sekret") {
			t.Errorf("Base(%q): %+v", raw, e)
		}
	}
}

func FuzzBase(f *testing.F) {
	for _, s := range []string{"https://a.example/v1", "http://[::1]:1", "http://localhost", "https://a@b/?c#d", "HTTPS://A:443//x/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := wire.Base(raw, "")
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			u.Scheme != "https" && (u.Scheme != "http" || !wire.Loopback(u.Hostname())) {
			t.Fatalf("Base(%q) = %q", raw, got)
		}
		if again, err := wire.Base(got, ""); err != nil || again != got {
			t.Fatalf("Base(%q) = %q, again %q %v", raw, got, again, err)
		}
	})
}

func TestKey(t *testing.T) {
	foreign := wire.Foreign{Prefix: "sk-ant-", Message: "of another", Hint: "go there"}
	for _, tc := range []struct {
		key string
		ok  bool
	}{
		{"sk-proj-abc_DEF-123", true}, {"x", true}, {"AIzaSy+/=~!", true},
		{"", false}, {" sk", false}, {"sk\n", false}, {"sk\r\nX-Evil: 1", false}, {"s k", false}, {"sk\x00", false}, {"sk\u00e9", false}, {"sk\x7f", false},
		{"kfg_abc", false}, {"kfs_abc", false}, {"kfp_abc", false}, {"sk-ant-abc", false},
	} {
		err := wire.Key(secret.FromString(tc.key), foreign)
		if (err == nil) != tc.ok {
			t.Errorf("Key(%q): %v", tc.key, err)
			continue
		}
		if e, is := errors.AsType[*core.Error](err); !tc.ok && (!is || e.Hint == "" || e.Field != "key" || len(tc.key) > 4 && strings.Contains(e.Error(), tc.key)) {
			t.Errorf("Key(%q): %+v", tc.key, err)
		}
	}
}

func TestStripQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"": "", "a=1": "a=1", "key=x": "", "a=1&key=x&b=%2F": "a=1&b=%2F", "%6bey=x&a": "a", "KEY=x": "", "access_token=x&alt=sse": "alt=sse",
		"monkey=1&key2=2": "monkey=1&key2=2", "a=key=x": "a=key=x", "%zz=1": "", "a=1;key=x&b": "b", "key[]=x": "", "b=2&&a=1": "b=2&&a=1",
	} {
		if got := wire.StripQuery(raw); got != want {
			t.Errorf("StripQuery(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestPrepare(t *testing.T) {
	for _, tc := range []struct{ base, drop, target, want string }{
		{"https://h.example/v1", "/v1", "/v1/chat/completions", "https://h.example/v1/chat/completions"},
		{"https://h.example/api/v1", "/v1", "/v1/models", "https://h.example/api/v1/models"},
		{"https://h.example/v1", "/v1", "/chat/completions?a=1&key=k&b=2", "https://h.example/v1/chat/completions?a=1&b=2"},
		{"https://h.example/v1", "/v1", "/v1beta/x", "https://h.example/v1/v1beta/x"},
		{"https://h.example/v1", "/v1", "/v1", "https://h.example/v1"},
		{"https://h.example", "", "/v1/messages", "https://h.example/v1/messages"},
		{"https://h.example/p", "", "/v1/files/a%2Fb", "https://h.example/p/v1/files/a%2Fb"},
		{"https://h.example/p%20q", "", "/x", "https://h.example/p%20q/x"},
		{"http://127.0.0.1:9", "", "/v1/models/a:b?alt=sse", "http://127.0.0.1:9/v1/models/a:b?alt=sse"},
	} {
		req, err := http.NewRequest("POST", "http://127.0.0.1:1"+tc.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.RequestURI = tc.target
		key, err := wire.Prepare(req, credential(tc.base), tc.drop)
		if err != nil || key != "the-key" {
			t.Errorf("%s: %q %v", tc.target, key, err)
		}
		if u, _ := url.Parse(tc.base); req.URL.String() != tc.want || req.Host != u.Host || req.RequestURI != "" {
			t.Errorf("%s + %s: %s (Host %s), want %s", tc.base, tc.target, req.URL, req.Host, tc.want)
		}
		if req.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("Accept-Encoding %q", req.Header.Get("Accept-Encoding"))
		}
	}
}

func credential(base string) provider.Credential {
	return provider.Credential{Kind: core.APIKey, Value: secret.FromString("the-key"), BaseURL: base}
}

func TestPrepareRefuses(t *testing.T) {
	for _, target := range []string{"/v1/../../x", "/v1/%2e%2e/x", "/v1/a%2f..%2fb", "/v1/./x", `/v1/..%5cx`, "/v1/.."} {
		req, _ := http.NewRequest("POST", "http://127.0.0.1:1"+target, nil)
		if _, err := wire.Prepare(req, credential("https://h.example/t"), "/v1"); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v, to %s", target, err, req.URL)
		}
	}
	for name, c := range map[string]provider.Credential{
		"no key": {Kind: core.APIKey, BaseURL: "https://h.example"}, "no base": {Kind: core.APIKey, Value: secret.FromString("k")},
		"another kind": {Kind: "oauth", Value: secret.FromString("k"), BaseURL: "https://h.example"},
	} {
		req, _ := http.NewRequest("GET", "http://127.0.0.1:1/", nil)
		if _, err := wire.Prepare(req, c, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAllowed(t *testing.T) {
	list := []string{"Accept", "X-Api-Key", "X-*", "Idempotency-Key"}
	for name, want := range map[string]bool{"Accept": true, "X-Y": true, "Accepted": false, "X-Api-Key": false, "X-Goog-Api-Key": false, "Authorization": false,
		"X-Stainless-Api-Key": false, "X-Codex-Authorization": false, "X-Goog-User-Project": false, "Idempotency-Key": true} {
		if wire.Allowed(name, nil, list) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestParseReset(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"2026-03-01T12:00:30Z": 30 * time.Second, "2026-03-01T13:00:30+01:00": 30 * time.Second,
		"6m0s": 6 * time.Minute, "17ms": 17 * time.Millisecond, "1m30.5s": 90*time.Second + 500*time.Millisecond,
		"20": 20 * time.Second, "0.5": 500 * time.Millisecond, "1772366430": 30 * time.Second, "1772366430500": 30*time.Second + 500*time.Millisecond,
		"": -1, "soon": -1, "-5": -1, "-5s": -1, "NaN": -1, "Inf": -1, "1e300": -1, "2020-01-01T00:00:00Z": -1, "2126-01-01T00:00:00Z": -1, "9999h": -1, "1000000000": -1,
	} {
		got, ok := wire.ParseReset(v, now)
		if ok != (want >= 0) || ok && got.Sub(now) != want {
			t.Errorf("ParseReset(%q) = %v, %v, want %v", v, got.Sub(now), ok, want)
		}
	}
}

func TestResetsTakesTheSpentLimit(t *testing.T) {
	now := time.Unix(1_772_366_400, 0)
	pairs := []wire.Reset{{Remaining: "A-Left", At: "A-Reset"}, {Remaining: "B-Left", At: "B-Reset"}}
	for _, tc := range []struct {
		aLeft, aReset, bLeft, bReset string
		want                         time.Duration
	}{
		{"0", "10s", "5", "60s", 10 * time.Second}, {"5", "10s", "0", "60s", time.Minute}, {"0", "10s", "0", "60s", time.Minute},
		{"5", "10s", "5", "60s", 10 * time.Second}, {"", "", "0", "60s", time.Minute}, {"0", "", "", "", -1},
	} {
		h := http.Header{"A-Left": {tc.aLeft}, "A-Reset": {tc.aReset}, "B-Left": {tc.bLeft}, "B-Reset": {tc.bReset}}
		got, ok := wire.Resets(h, now, pairs)
		if ok != (tc.want >= 0) || ok && got.Sub(now) != tc.want {
			t.Errorf("%+v: %v %v", tc, got.Sub(now), ok)
		}
	}
}

func TestUntilOrder(t *testing.T) {
	now := time.Unix(1_772_366_400, 0)
	h := http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"60"}, "X-Reset": {"5m"}}
	f := wire.ReadFailure([]byte(`{"error":{"resets_in_seconds":120}}`))
	reset := wire.Reset{At: "X-Reset"}
	var got []time.Duration
	for _, drop := range []string{"Retry-After-Ms", "Retry-After", "", "X-Reset"} {
		got = append(got, wire.Until(h, f, now, reset).Sub(now))
		if delete(h, drop); drop == "" {
			f = wire.Failure{}
			got = append(got, wire.Until(h, f, now, reset).Sub(now))
		}
	}
	want := []time.Duration{1500 * time.Millisecond, time.Minute, 2 * time.Minute, 5 * time.Minute, 5 * time.Minute}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !wire.Until(nil, f, now).IsZero() {
		t.Error("without a hint there is a time")
	}
}

func TestModels(t *testing.T) {
	got, err := wire.Models([]byte(`{"data":[{"id":"a"},{"id":""},{"x":1},{"id":3},{"id":"m/b"}]}`), "data", "id", "m/")
	if err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := wire.Models([]byte(`{"data":{"label":"x"}}`), "data", "id", ""); got != nil || err != nil {
		t.Errorf("an object: %q %v", got, err)
	}
	if _, err := wire.Models([]byte(`<html>`), "data", "id", ""); core.CodeOf(err) != core.Unavailable {
		t.Errorf("no JSON: %v", err)
	}
}
