package builtin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/keyfobtest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// each runs f for every adapter.
func each(t *testing.T, f func(t *testing.T, a provider.Adapter)) {
	r := builtin.Registry()
	for _, id := range r.IDs() {
		a, err := r.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(id, func(t *testing.T) { f(t, a) })
	}
}

func TestRegistry(t *testing.T) {
	want := []string{"anthropic", "openai", "google", "openrouter", "deepseek", "groq", "mistral", "xai", "openai-compatible", "anthropic-compatible"}
	if got := builtin.Registry().IDs(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := builtin.Registry().Get("nobody"); core.CodeOf(err) != core.Invalid {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestInfo(t *testing.T) {
	keyVars := map[string]string{}
	each(t, func(t *testing.T, a provider.Adapter) {
		i := a.Info()
		compatible := strings.HasSuffix(i.ID, "-compatible")
		if i.Title == "" || i.Policy.Verdict != "allowed" || i.Policy.Note == "" || !slices.Contains([]string{"anthropic", "openai", "google"}, i.Dialect) {
			t.Errorf("%+v", i)
		}
		if compatible != (i.BaseURL == "") || compatible == (len(i.KeyVars) > 0) {
			t.Errorf("base URL %q, variables %q", i.BaseURL, i.KeyVars)
		}
		if got, err := a.CheckBaseURL(i.BaseURL); !compatible && (err != nil || got != i.BaseURL) {
			t.Errorf("its own base URL becomes %q, %v", got, err)
		}
		for _, v := range i.KeyVars {
			if other := keyVars[v]; other != "" {
				t.Errorf("%s is %s's too", v, other)
			}
			keyVars[v] = i.ID
		}
	})
}

// credentials is everything that a client may carry of its own.
var credentials = []string{
	"Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Cookie",
	"Openai-Organization", "Openai-Project", "Chatgpt-Account-Id", "X-Goog-User-Project", "X-Auth-Token",
}

func TestNothingOfTheClientsCredentialsPasses(t *testing.T) {
	const old = "client-own-credential"
	each(t, func(t *testing.T, a provider.Adapter) {
		req, _ := http.NewRequest("POST", "http://127.0.0.1:1/v1/x?key="+old+"&access_token="+old+"&keep=1", nil)
		for _, name := range credentials {
			req.Header.Set(name, old)
			req.Header[strings.ToLower(name)] = []string{old} // not canonical: still gone
			if a.RequestHeader(name) || a.ResponseHeader(name) {
				t.Errorf("%s may pass", name)
			}
		}
		c := provider.Credential{Kind: core.APIKey, Value: secret.FromString("sk-account"), BaseURL: "https://h.example/base"}
		if err := a.Apply(req, c); err != nil {
			t.Fatal(err)
		}
		var wire strings.Builder
		if err := req.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(wire.String(), old) || !strings.Contains(wire.String(), "sk-account") || strings.Contains(req.URL.String(), "sk-account") {
			t.Errorf("on the wire:\n%s", wire.String())
		}
		if req.URL.RawQuery != "keep=1" || req.Host != "h.example" || !strings.HasPrefix(req.URL.Path, "/base/") {
			t.Errorf("to %s, Host %s", req.URL, req.Host)
		}
	})
}

func TestHeaders(t *testing.T) {
	hop := []string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authenticate", "Proxy-Connection"}
	request := []string{"Content-Type", "Accept", "User-Agent", "X-Stainless-Lang", "X-Session-Id"}
	response := []string{"Content-Type", "Retry-After", "X-Request-Id", "Request-Id", "Content-Length", "X-Should-Retry"}
	each(t, func(t *testing.T, a provider.Adapter) {
		for _, n := range append(slices.Clone(hop), "Host", "Forwarded", "X-Forwarded-For", "Via", "Origin", "Accept-Encoding", "Location", "Keyfob-Local") {
			if a.RequestHeader(n) {
				t.Errorf("request header %s passes", n)
			}
		}
		for _, n := range append(hop, "Set-Cookie", "Location", "Keyfob-Local", "Anthropic-Organization-Id", "Openai-Organization", "Www-Authenticate", "Alt-Svc", "X-Goog-Upload-Url", "Access-Control-Allow-Origin") {
			if a.ResponseHeader(n) {
				t.Errorf("response header %s passes", n)
			}
		}
		for _, n := range request {
			if !a.RequestHeader(n) {
				t.Errorf("request header %s is dropped", n)
			}
		}
		for _, n := range response {
			if !a.ResponseHeader(n) {
				t.Errorf("response header %s is dropped", n)
			}
		}
	})
}

func TestErrorShape(t *testing.T) {
	each(t, func(t *testing.T, a provider.Adapter) {
		for _, status := range []int{400, 401, 403, 404, 413, 429, 500, 502, 503, 529} {
			kind, body := a.Error(status, `all "accounts" are <resting>`)
			var doc struct {
				Type  string
				Error struct{ Message, Type, Status string }
			}
			if err := json.Unmarshal(body, &doc); err != nil || kind != "application/json" {
				t.Fatalf("%d: %s %v", status, body, err)
			}
			if doc.Error.Message != `all "accounts" are <resting>` || doc.Error.Type+doc.Error.Status == "" || (doc.Type == "error") != (a.Info().Dialect == "anthropic") {
				t.Errorf("%d: %s", status, body)
			}
		}
	})
}

// TestAgainstAProvider sends each adapter's own request to a real server, which
// takes the account's key and no other.
func TestAgainstAProvider(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "a", Key: "sk-a"}}})
	each(t, func(t *testing.T, a provider.Adapter) {
		for key, want := range map[string]failover.Kind{"sk-a": failover.OK, "sk-b": failover.Dead} {
			req := a.ModelsRequest()
			c := provider.Credential{Kind: core.APIKey, Value: secret.FromString(key), BaseURL: p.URL() + "/v1"}
			if a.Info().Dialect != "openai" {
				c.BaseURL = p.URL()
			}
			if err := a.Apply(req, c); err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if v := a.Classify(resp.StatusCode, resp.Header, body, now); v.Kind != want {
				t.Errorf("%s: %d %s is %+v", key, resp.StatusCode, body, v)
			}
			models, err := a.ParseModels(body)
			if want == failover.OK && (err != nil || len(models) != 2 && a.Info().ID != "openrouter") {
				t.Errorf("models %q %v", models, err)
			}
		}
	})
}

// TestVerdictsOfTheKit holds the kit's failures against the judgement on them.
func TestVerdictsOfTheKit(t *testing.T) {
	paths := map[string]string{"anthropic": "/v1/messages", "openai": "/v1/chat/completions", "google": "/v1beta/models/m:generateContent"}
	for _, tc := range []struct {
		b       keyfobtest.Behaviour
		kind    failover.Kind
		rotates bool
	}{
		{keyfobtest.OK(), failover.OK, false},
		{keyfobtest.RateLimited(time.Hour), failover.Limited, true},
		{keyfobtest.Overloaded(), failover.Overloaded, true},
		{keyfobtest.Unauthorized(), failover.Dead, true},
		{keyfobtest.Forbidden(), failover.Expired, true},
		{keyfobtest.NoCredit(), failover.NoCredit, true},
		{keyfobtest.Status(500, ""), failover.Transient, false},
		{keyfobtest.Status(400, ""), failover.OK, false},
		{keyfobtest.Redirect("http://192.0.2.1"), failover.OK, false},
	} {
		for dialect, path := range paths {
			p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "a", Key: "k", Then: tc.b}}})
			req, _ := http.NewRequest("POST", p.URL()+path, strings.NewReader(`{"model":"m"}`))
			req.Header.Set("Authorization", "Bearer k")
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			a, _ := builtin.Registry().Get(dialect)
			if v := a.Classify(resp.StatusCode, resp.Header, body, now); v.Kind != tc.kind || v.Rotates() != tc.rotates {
				t.Errorf("%s: %s is %+v (%d %s)", dialect, tc.b.Label, v, resp.StatusCode, body)
			}
		}
	}
}

// TestEventsOfTheKit: an error before any content rotates, after it never.
func TestEventsOfTheKit(t *testing.T) {
	for _, tc := range []struct{ id, path, kind string }{
		{"anthropic", "/v1/messages", "overloaded_error"}, {"anthropic", "/v1/messages", "rate_limit_error"},
		{"openai", "/v1/chat/completions", "rate_limit_exceeded"}, {"openai", "/v1/responses", "rate_limit_exceeded"},
		{"openai", "/v1/responses", "server_is_overloaded"},
	} {
		for _, at := range []keyfobtest.Point{keyfobtest.AfterHeaders, keyfobtest.AfterPing, keyfobtest.AfterStart, keyfobtest.MidStream} {
			v := firstVerdict(t, tc.id, tc.path, keyfobtest.StreamError(tc.kind, at))
			if v.Rotates() != (at != keyfobtest.MidStream) {
				t.Errorf("%s %s %s at %d: %+v", tc.id, tc.path, tc.kind, at, v)
			}
		}
	}
}

// firstVerdict reads a stream as the gateway does: up to the first event that
// is not prelude.
func firstVerdict(t *testing.T, id, path string, b keyfobtest.Behaviour) failover.Verdict {
	t.Helper()
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Key: "k", Then: b}}})
	req, _ := http.NewRequest("POST", p.URL()+path, strings.NewReader(`{"model":"m","stream":true}`))
	req.Header.Set("Authorization", "Bearer k")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	a, _ := builtin.Registry().Get(id)
	for block := range strings.SplitSeq(string(body), "\n\n") {
		name, data := "", ""
		for line := range strings.SplitSeq(block, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				name = v
			} else if v, ok := strings.CutPrefix(line, "data: "); ok {
				data = v
			}
		}
		if v, prelude := a.Event(name, []byte(data), now); !prelude {
			return v
		}
	}
	return failover.Verdict{}
}

func FuzzInspect(f *testing.F) {
	f.Add("POST", "/v1/messages", []byte(`{"model":"m","metadata":{"user_id":"{\"session_id\":\"s\"}"},"messages":[{"content":[{"file_id":"file_1"}]}]}`))
	f.Add("POST", "/v1/responses", []byte(`{"model":"m","previous_response_id":"resp_1","input":[{"encrypted_content":"x"}]}`))
	f.Add("GET", "/v1beta/models/m:generateContent", []byte(`{"cachedContent":"cachedContents/x"}`))
	f.Fuzz(func(t *testing.T, method, path string, head []byte) {
		all(t, func(a provider.Adapter) {
			m := a.Inspect(method, path, http.Header{"X-Session-Id": {path}}, head)
			if m.State != "" && !m.Stateful {
				t.Errorf("a state that is none: %+v", m)
			}
			if len(m.Model)+len(m.Conversation)+len(m.State) > 3*1024 {
				t.Errorf("long marks: %d %d %d", len(m.Model), len(m.Conversation), len(m.State))
			}
			// What a cut head says of the model, the whole says too: nothing is
			// made up of a part.
			var doc map[string]any
			if json.Unmarshal(head, &doc) == nil && m.Model != "" && a.Info().Dialect != "google" && !strings.Contains(string(head), m.Model) && !strings.Contains(string(head), `\`) {
				t.Errorf("model %q is not in %q", m.Model, head)
			}
		})
	})
}

func FuzzClassify(f *testing.F) {
	f.Add(429, "60", "6m0s", []byte(`{"error":{"type":"rate_limit_error","resets_at":1772370000}}`))
	f.Add(403, "", "1772370000", []byte(`[{"error":{"code":403,"details":[{"reason":"API_KEY_INVALID"}]}}]`))
	f.Add(529, "0.5", "", []byte(`{"type":"error","error":{"type":"overloaded_error"}}`))
	f.Fuzz(func(t *testing.T, status int, retry, reset string, body []byte) {
		h := http.Header{"Retry-After": {retry}, "X-Ratelimit-Reset": {reset}, "Anthropic-Ratelimit-Unified-Reset": {reset}}
		all(t, func(a provider.Adapter) {
			v := a.Classify(status, h, body, now)
			check(t, v)
			if status < 400 && v != (failover.Verdict{}) {
				t.Errorf("%d is %+v", status, v)
			}
			if status == 500 && v.EffectFree && v.Kind == failover.Dead {
				t.Errorf("a 500 kills: %+v", v)
			}
		})
	})
}

// check holds what every verdict promises, whatever came from outside.
func check(t *testing.T, v failover.Verdict) {
	t.Helper()
	if !v.Until.IsZero() && (v.Until.Before(now) || v.Until.Sub(now) > 40*24*time.Hour) {
		t.Errorf("until %v", v.Until)
	}
	reasons := []string{
		"", "rate limit reached", "usage limit reached", "no credit left", "key refused", "account disabled",
		"provider overloaded", "refused without a reason", "provider failed, work may have been done", "about the request",
	}
	if !slices.Contains(reasons, v.Reason) {
		t.Errorf("a reason from outside: %q", v.Reason)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("error", []byte(`{"type":"error","error":{"type":"overloaded_error"}}`))
	f.Add("", []byte(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`))
	f.Add("message_start", []byte(`{"type":"message_start"}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		all(t, func(a provider.Adapter) {
			v, prelude := a.Event(name, data, now)
			check(t, v)
			if prelude && v != (failover.Verdict{}) {
				t.Errorf("prelude with %+v", v)
			}
		})
	})
}

func FuzzMeter(f *testing.F) {
	f.Add(true, 3, []byte("data: {\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}\r\n\r\ndata: [DONE]\n\n"))
	f.Add(false, 1, []byte(`[{"usageMetadata":{"promptTokenCount":9}},{"name":"files/f1","id":"resp_1"}]`))
	f.Fuzz(func(t *testing.T, events bool, n int, body []byte) {
		if n < 1 || n > 4096 {
			t.Skip()
		}
		kind := "application/json"
		if events {
			kind = "text/event-stream"
		}
		all(t, func(a provider.Adapter) {
			whole, cut := a.Meter(kind), a.Meter(kind)
			_, _ = whole.Write(body)
			for rest := body; len(rest) > 0; rest = rest[min(n, len(rest)):] {
				_, _ = cut.Write(rest[:min(n, len(rest))])
			}
			tok := whole.Tokens()
			if tok != cut.Tokens() || !slices.Equal(whole.StateIDs(), cut.StateIDs()) {
				t.Errorf("at once %+v %q, in pieces %+v %q", tok, whole.StateIDs(), cut.Tokens(), cut.StateIDs())
			}
			if tok.Input < 0 || tok.Output < 0 || len(whole.StateIDs()) > 16 {
				t.Errorf("%+v %q", tok, whole.StateIDs())
			}
		})
	})
}

func all(t *testing.T, f func(provider.Adapter)) {
	t.Helper()
	r := builtin.Registry()
	for _, id := range []string{"anthropic", "openai", "google", "mistral"} {
		a, err := r.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		f(a)
	}
}

func FuzzApply(f *testing.F) {
	f.Add("/v1/messages", "key=1&a=2", "https://h.example/base/v1")
	f.Add("/v1/%2e%2e/x", "", "https://h.example")
	f.Add("/", "\x11", "")
	f.Fuzz(func(t *testing.T, path, query, base string) {
		u, err := url.Parse("http://127.0.0.1:1" + path)
		if err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "127.0.0.1:1" {
			t.Skip()
		}
		all(t, func(a provider.Adapter) {
			stored, err := a.CheckBaseURL(base)
			if err != nil {
				return
			}
			req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "x", Path: u.Path, RawPath: u.RawPath, RawQuery: query}, Header: http.Header{}}
			if a.Apply(req, provider.Credential{Kind: core.APIKey, Value: secret.FromString("k"), BaseURL: stored}) != nil {
				return
			}
			want, _ := url.Parse(stored)
			got, err := url.Parse(req.URL.String())
			if err != nil || got.Host != want.Host || got.Scheme != want.Scheme || !strings.HasPrefix(got.Path, want.Path) || strings.Contains(got.Path+"/", "/../") {
				t.Errorf("%s + %s = %s (%v)", stored, path, req.URL, err)
			}
		})
	})
}

func TestPathsThatAKeyOpens(t *testing.T) {
	for id, paths := range map[string]map[string]bool{
		"anthropic": {"/v1/messages": true, "/v1/messages/count_tokens": true, "/v1/models": true, "/messages": true, "/v1/organizations/x": false, "": false, "/v1": false},
		"openai":    {"/v1/chat/completions": true, "/responses": true, "/v1/models/a": true, "/v1/organization/users": false, "/dashboard/x": false},
		"google":    {"/v1beta/models/m:generateContent": true, "/upload/v1beta/files": true, "/v1beta/openai/chat/completions": true, "/v1/projects/x": false},
	} {
		for path, want := range paths {
			a, err := builtin.Registry().Get(id)
			if err != nil {
				t.Fatal(err)
			}
			if a.OpensWithKey(path) != want {
				t.Errorf("%s %q: want %v", id, path, want)
			}
		}
	}
	// What proves a key must be believed when it refuses one.
	for _, id := range builtin.Registry().IDs() {
		a, err := builtin.Registry().Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if path := a.ModelsRequest().URL.Path; !a.OpensWithKey(path) {
			t.Errorf("%s: its own probe %s is not for a key", id, path)
		}
	}
}
