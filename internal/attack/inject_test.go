//go:build linux

package attack

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"keyfob/api"
)

// tricks are parts of a path that some program on the way reads as something else.
func tricks() []string {
	return []string{
		"..", ".", "%2e%2e", "%2e%2e%2f", "..%2f..", "%2f", "%5c..%5c", "..%5c", "a%2fb", "%00", "a%00", "a%0d%0aX-Injected:%20yes", "%0a", "%0d", "%7f", "%ff", "%c0%ae%c0%ae", "%c0%af",
		"%u002e", "%252e%252e", ";", "a;b=c", "%3fx=1", "%23", "*", "%25", "a%20b", "%e2%80%a8", "{name}", "''--", "%27%20OR%201=1--", strings.Repeat("a", 4000), strings.Repeat("%2e", 500),
	}
}

// Names in paths come from anywhere. Encoded slashes and dots would turn one
// record into another, or leave the route; line breaks would add a header or a
// line to the log, a NUL would cut a name short.
func TestPathInjection(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.secret(t, alice, api.SecretCreate{Name: "a", Lookup: true}, "value-of-alice-behind-a-path")
	s.secret(t, bob, api.SecretCreate{Name: "b", Lookup: true}, "value-of-bob-behind-a-path")
	w := s.workspace(t, bob, api.WorkspaceCreate{Gateway: true})
	mine := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	s.unchanged(t, func() {
		for _, o := range s.operations(t) {
			if !strings.Contains(o.path, "{") {
				continue
			}
			for _, trick := range tricks() {
				path := pathParameter.ReplaceAllLiteralString(o.path, trick)
				got, err := s.try(t, o.method, path, "{}", as(alice.token), whichever(), kept())
				if err != nil {
					t.Errorf("%s %s: %v", o.method, path, err)
					continue
				}
				if got.status < 400 || got.status >= 500 || got.header.Get("X-Injected") != "" || got.header.Get("Location") != "" {
					t.Errorf("%s %s: %v", o.method, path, got)
				}
			}
		}
		for _, path := range []string{
			"/v1/workspaces/" + mine.ID + "/../" + w.ID, "/v1/workspaces/" + mine.ID + "%2f..%2f" + w.ID, "/v1/workspaces//" + mine.ID, "/v1//workspaces/" + mine.ID, "//v1/me", "/v1/./me", "/v1/secrets/../me",
			"/v1/secrets/a/../../users", "/V1/me", "/v1/me/", "/v1/me%20", "/v1/me;x", "/v1/me%00", "/v1%2fme", "/v1/users/..;/me", "/p/../v1/me", "/p/anthropic/../../v1/me", "/p/%2e%2e/v1/me", "/docs/../v1/me", "/healthz/../v1/me",
		} {
			got := s.ask(t, "GET", path, nil, as(alice.token), kept())
			if got.status < 300 || got.status < 400 && (strings.HasPrefix(path, "/v1") || strings.HasPrefix(path, "/p/")) {
				t.Errorf("%s: %v", path, got)
			}
		}
	})
	for _, path := range []string{"//evil.example/..", "/docs/..//evil.example", "/%5cevil.example/../docs", "/\\evil.example/..", "/docs/../%2f/evil.example", "///evil.example", "/.//evil.example", "/docs?next=https://evil.example"} {
		for _, host := range []string{s.addr, s.hostOfPages()} {
			at := s.ask(t, "GET", path, nil, toHost(host), kept()).header.Get("Location")
			if at != "" && (!strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.HasPrefix(at, "/\\")) {
				t.Errorf("%s leads to %s", path, at)
			}
		}
	}
	s.must(t, "GET", "/v1/workspaces/"+mine.ID, nil, as(alice.token))
	s.must(t, "GET", "/v1/secrets/%61", nil, as(alice.token)) // a letter may be written so
}

// A client of the gateway writes a path, a query and headers that leave the
// account's base URL, or that add something to the request which carries the
// account's key.
func TestGatewayInjection(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.4.1"))
	s.keeps("alice's key", aliceKey)
	provider, good := upstreamAt(t, "127.88.4.1")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good+"/base")
	gatewayKey := key(s.workspace(t, alice, api.WorkspaceCreate{Gateway: true}).GatewayKey)
	s.ask(t, "GET", "/p/anthropic/default/v1/models?limit=1", nil, with("X-Api-Key", gatewayKey))
	sent := provider.Requests()
	if len(sent) != 1 || sent[0].Path != "/base/v1/models" || sent[0].RawQuery != "limit=1" || sent[0].Key != aliceKey {
		t.Fatalf("a good request went out as %+v", sent)
	}
	provider.Forget()
	for _, path := range []string{"..", "../x", "v1/../../x", "%2e%2e/x", "%2e%2e%2fx", "..%5cx", "v1/%2e%2e%5c%2e%2e/x", "x%00", "x%0d%0aX-Injected:%20yes", "x%0a", "x%7f", "v1/./x", "v1/..", "x%c2%a0y/%2e%2e", "%2e"} {
		got := s.ask(t, "GET", "/p/anthropic/default/"+path, nil, with("X-Api-Key", gatewayKey))
		if got.status != 400 {
			t.Errorf("%s: %v", path, got)
		}
	}
	for _, path := range []string{"/p", "/p/", "/p//default/v1", "/p/anthropic", "/p/anthropic//v1/x", "/p/%61nthropic/default/x", "/p/anthropic%2fdefault/x", "/p/anthropic/de%00fault/x", "/p/anthropic/../default/x", "/p/anthropic/d%0d%0a/x", "/p/http:%2f%2fevil.example/default/x"} {
		got := s.ask(t, "GET", path, nil, with("X-Api-Key", gatewayKey))
		if got.status != 404 && got.status != 400 {
			t.Errorf("%s: %v", path, got)
		}
	}
	if n := len(provider.Requests()); n > 0 {
		t.Fatalf("%d of these were sent on, such as %s", n, provider.Requests()[0].Path)
	}
	s.headersStay(t, gatewayKey)
	for _, r := range provider.Requests() {
		text := fmt.Sprint(r.Path, r.RawQuery, r.Header, r.Host)
		if strings.Contains(text, "own-credential") || strings.Contains(text, gatewayKey) || strings.Contains(text, "evil") || r.Key != aliceKey || r.Header.Get("X-Injected") != "" {
			t.Errorf("this went to the provider: %s", text)
		}
	}
	if len(provider.Requests()) == 0 {
		t.Error("nothing was sent on")
	}
}

// headersStay sends what must go no further beside a good request.
func (s *server) headersStay(t *testing.T, gatewayKey string) {
	t.Helper()
	for name, change := range map[string]how{
		"credentials": with("X-Api-Key", gatewayKey, "Authorization", "Bearer own-credential", "Cookie", "own-credential=1", "X-Goog-Api-Key", "own-credential", "Api-Key", "own-credential", "Proxy-Authorization", "own-credential"),
		"the way":     with("X-Api-Key", gatewayKey, "X-Forwarded-For", "evil", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example", "Referer", "https://evil.example", "X-Real-Ip", "evil", "Via", "evil", "X-Original-Url", "/evil", "X-Http-Method-Override", "evil"),
		"hop by hop":  with("X-Api-Key", gatewayKey, "Connection", "X-Api-Key, Anthropic-Version", "Anthropic-Version", "evil"),
		"our own":     with("X-Api-Key", gatewayKey, "Keyfob-Account", "evil", "Keyfob-Proxy-Secret", "evil", "X-Session-Api-Key", "evil"),
		"the key":     with("X-Api-Key", gatewayKey, "Anthropic-Beta", "x"+gatewayKey, "User-Agent", "agent "+gatewayKey),
	} {
		got := s.ask(t, "POST", "/p/anthropic/default/v1/messages?api_key=own-credential&k%65y=own-credential&x="+gatewayKey, hello, change)
		if got.status >= 500 && got.status != 502 {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, line := range map[string]string{
		"a NUL":             "X-Test: a\x00b\r\n",
		"a bare line feed":  "X-Test: a\nX-Injected: yes\x01\r\n",
		"a folded line":     "X-Test: a\r\n X-Injected: yes\x02\r\n",
		"a space in a name": "X-Inj ected: yes\r\n",
		"no name":           ": yes\r\n",
	} {
		got := s.raw(t, "GET /p/anthropic/default/v1/models HTTP/1.1\r\nHost: "+s.addr+"\r\nX-Api-Key: "+gatewayKey+"\r\n"+line+"Connection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%s: %.200s", name, got)
		}
	}
}

// Whoever reads the log after an attack must be able to believe it: text of a
// request that brings a line break along would write lines of its own. The log is
// held to one event per line when each server of this package ends; here it is
// given every chance.
func TestLogInjection(t *testing.T) {
	t.Parallel()
	s := start(t, setup{config: "log_level: debug\n"})
	const forged = "{\"time\":\"2026-01-01T00:00:00Z\",\"level\":\"INFO\",\"msg\":\"forged-line\"}"
	evil := "x\n" + forged + "\r\n" + forged + "\u2028\x1b[2J"
	for _, path := range []string{"/v1/secrets/" + escaped(evil), "/v1/me?" + escaped(evil) + "=1", "/p/" + escaped(evil) + "/default/x", "/" + escaped(evil), "/signin/" + escaped(evil), "/step-up/" + escaped(evil), "/device?code=" + escaped(evil)} {
		for _, host := range []string{s.addr, s.hostOfPages()} {
			s.ask(t, "GET", path, nil, as(s.admin.token), toHost(host))
		}
	}
	for _, body := range []any{
		api.SecretCreate{Name: evil, Value: val("some value"), Description: evil, Env: evil}, api.AccountCreate{Provider: evil, Label: evil, Key: val(evil), BaseURL: evil}, api.UserCreate{Name: evil, Email: evil, Role: evil},
		api.TokenCreate{Name: evil, Scopes: []string{evil}}, api.DeviceStart{Client: evil}, map[string]any{"code": evil, "client": evil}, api.WorkspaceCreate{Labels: map[string]string{evil: evil}, Process: evil, Namespace: evil},
		api.MCPServerCreate{Name: evil, Transport: "stdio", Command: evil, Args: []string{evil}, Env: map[string]api.Value{evil: val(evil)}}, api.ProfileCreate{Name: evil, Model: evil, Provider: evil},
	} {
		for _, path := range []string{"/v1/secrets", "/v1/accounts", "/v1/users", "/v1/tokens", "/v1/login/device", "/v1/login/token", "/v1/workspaces", "/v1/mcp-servers", "/v1/profiles"} {
			s.ask(t, "POST", path, body, as(s.admin.token), with("Idempotency-Key", "0123456789abcdef", "User-Agent", "a\tforged-line"))
		}
	}
	s.raw(t, "GET /v1/me\x00"+forged+" HTTP/1.1\r\nHost: x\r\n\r\n")
	s.raw(t, strings.ReplaceAll(forged, " ", "")+"\r\n\r\n")
	if strings.Contains(s.log.String(), "forged-line") {
		t.Errorf("the log holds text of a request:\n%s", s.log)
	}
	if !strings.Contains(s.log.String(), `"msg":"serving"`) {
		t.Error("there is no log, so this test is blind")
	}
}

func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

// A name that is allowed may still hold what a header or a page reads as more
// than text.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	for _, name := range []string{"a b", "ä", "a%0d%0aX-Injected: yes", "<script>alert(1)</script>", "\"><img src=x>", "a;b", "a,b", "'", "x\\y"} {
		got := s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: name, Value: val("some value"), Lookup: true}, as(s.admin.token))
		if got.status == 400 {
			continue
		}
		got.want(t, name, 201, "")
		at := got.header.Get("Location")
		if strings.ContainsAny(at, " \r\n<>\"") || got.header.Get("X-Injected") != "" || len(got.header.Values("Location")) != 1 {
			t.Errorf("%q is at %q", name, at)
		}
		s.must(t, "GET", at, nil, as(s.admin.token))
		asked := s.stepUp(t, s.admin.reveal, name)
		page := s.must(t, "GET", "/step-up/"+asked.ID, nil, s.inBrowser(s.admin))
		if strings.Contains(string(page.body), "<script") || strings.Contains(string(page.body), "<img") || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%q is more than text on the page: %s", name, page.body)
		}
	}
	for _, name := range []string{"<script>alert(1)</script>", "\"><img src=x>", "{{.}}"} {
		asked := s.lasting(t, s.admin.token, api.TokenAsk{Name: name, Scopes: []string{"secrets:read"}})
		page := s.must(t, "GET", "/step-up/"+asked.ID, nil, s.inBrowser(s.admin))
		if strings.Contains(string(page.body), "<script") || strings.Contains(string(page.body), "<img") || !strings.Contains(string(page.body), html.EscapeString(name)) {
			t.Errorf("the token %q is more than text on the page: %s", name, page.body)
		}
	}
	for name, h := range map[string]http.Header{"the client": {"User-Agent": {"<script>alert(1)</script>"}}} {
		link, _ := s.links(t, "local")
		s.ask(t, "GET", link[len(s.pages):], nil, toHost(s.hostOfPages()), func(r *request) { r.Header = h })
		if page := s.must(t, "GET", "/sessions", nil, s.inBrowser(s.admin)); strings.Contains(string(page.body), "<script") || !strings.Contains(string(page.body), "&lt;script") {
			t.Errorf("%s is more than text on the page", name)
		}
	}
}
