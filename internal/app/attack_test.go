package app_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
)

// everywhere is a path of each part of a server.
var everywhere = []string{"/", "/docs", "/device", "/signin/x", "/sessions", "/healthz", "/readyz", "/metrics", "/openapi.json",
	"/v1/me", "/v1/secrets", "/v1/login/device", "/v1/workspace/manifest", "/p/anthropic/default/v1/models", "/p/", "/nothing"}

// A page at a name of the attacker's own has that name point to 127.0.0.1 and
// asks its "own" server, which is this one: the browser sees no other origin,
// and sends what it pleases. Only the Host tells.
func TestRebindingIsTurnedAway(t *testing.T) {
	s := startServer(t, nil)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"evil.example", "evil.example:" + u.Port(), "keyfob.localhost:" + u.Port(), "localhost.evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]:" + u.Port(), "x.keyfob.localhost:" + u.Port()} {
		for _, path := range everywhere {
			got := ask(t, browser(t), "GET", s.URL+path, func(r *http.Request) { r.Host = host }, nil)
			if got.status != 403 || !strings.Contains(got.body, "foreign_host") {
				t.Errorf("%s of %s: %d %s", path, host, got.status, got.body)
			}
		}
	}
}

// A page in the user's browser asks the port directly: it cannot read the answer,
// but it could act. What a browser sends for another page has an Origin.
func TestPagesCannotAskThePort(t *testing.T) {
	s := startServer(t, nil)
	for _, path := range everywhere {
		for _, origin := range []string{"http://evil.example", "null", s.URL, s.Pages} {
			got := ask(t, browser(t), "POST", s.URL+path, func(r *http.Request) { r.Header.Set("Origin", origin) }, nil)
			if got.status != 403 {
				t.Errorf("%s from %s: %d %s", path, origin, got.status, got.body)
			}
		}
	}
}

// Browsers send a cookie to every port of the host that set it. A server of
// somebody else's on another port would get the session of whoever visits it, or
// could plant one; so the pages' host has a name that only those know who were
// given it, and no other host's cookie counts.
func TestCookieOfAnotherPort(t *testing.T) {
	s := startServer(t, nil)
	b := browser(t)
	if got := get(t, b, string(s.Link.Reveal())); got.status != 303 {
		t.Fatal(got.status)
	}
	at, err := url.Parse(s.Pages)
	if err != nil {
		t.Fatal(err)
	}
	cookie := b.Jar.Cookies(at)[0]
	planted := func(r *http.Request) { r.AddCookie(cookie) }
	for _, base := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)} {
		if got := ask(t, browser(t), "GET", base+"/v1/me", planted, nil); got.status != 401 {
			t.Errorf("a cookie at %s: %d %s", base, got.status, got.body)
		}
		if got := ask(t, browser(t), "GET", base+"/docs", planted, nil); strings.Contains(got.body, "<b>local</b>") {
			t.Errorf("the page at %s shows who is signed in elsewhere", base)
		}
	}
	if got := ask(t, browser(t), "GET", s.Pages+"/v1/me", planted, nil); got.status != 200 {
		t.Errorf("the cookie where it belongs: %d", got.status)
	}
	label, _, _ := strings.Cut(at.Host, ".")
	if strings.Contains(cookie.Value, label) || !strings.Contains(cookie.Name, label) {
		t.Error("a host above could plant the cookie: its name can be guessed")
	}
}

// Whoever adds an account chooses what its upstream answers. Where the pages have
// a host of their own, no such answer comes from it: there its script would be
// the signed-in user's.
func TestGatewayIsNotAtThePagesHost(t *testing.T) {
	s := startServer(t, nil)
	for _, path := range []string{"/p/", "/p/anthropic/default", "/p/openai-compatible/default/x.html?key=kfg_x"} {
		if got := get(t, browser(t), s.Pages+path); got.status != 403 || !strings.Contains(got.body, "foreign_host") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := get(t, browser(t), s.URL+"/p/anthropic/default/v1/models"); got.status != 401 || got.header.Get("Keyfob-Local") != "no_gateway_key" {
		t.Errorf("where it is: %d %s", got.status, got.body)
	}
}

// Over TLS pages and gateway share their host, so there it asks each request
// whether a browser made it.
func TestGatewayBesideThePages(t *testing.T) {
	s := startServer(t, map[string]string{"public_url": "https://k.example"})
	at := func(mode string) answer {
		return ask(t, browser(t), "GET", "http://"+s.Address()+"/p/anthropic/default/v1/models", func(r *http.Request) {
			r.Host = "k.example"
			r.Header.Set("Sec-Fetch-Mode", mode)
		}, nil)
	}
	if got := at("cors"); got.status != 401 || got.header.Get("Content-Security-Policy") == "" {
		t.Errorf("a program: %d %v", got.status, got.header)
	}
	if got := at("navigate"); got.status != 403 || got.header.Get("Keyfob-Local") != "origin" {
		t.Errorf("a link: %d %s", got.status, got.body)
	}
}

// The name of the pages' host protects only while nobody else learns it: not
// from what is answered without a proof, and not from the log.
func TestPagesHostIsToldToNobody(t *testing.T) {
	s := startServer(t, nil)
	label, _, _ := strings.Cut(strings.TrimPrefix(s.Pages, "http://"), ".")
	for _, path := range everywhere {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			got := ask(t, browser(t), method, s.URL+path, func(r *http.Request) {
				if method == "POST" {
					r.Header.Set("Content-Type", "application/json")
				}
			}, nil)
			if strings.Contains(got.body, label) || strings.Contains(got.header.Get("Location"), label) {
				t.Errorf("%s %s tells it", method, path)
			}
		}
	}
	login, err := s.client(api.Key{}).StartLogin(t.Context(), api.DeviceStart{Client: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(login.VerificationURI+login.VerificationURIComplete, label) {
		t.Errorf("the login of whoever asks tells it: %s", login.VerificationURI)
	}
	if got := get(t, browser(t), login.VerificationURIComplete); got.status != 200 || strings.Contains(got.body, label) {
		t.Errorf("the page for it: %d %s", got.status, got.body)
	}
	if strings.Contains(s.log.String(), label) {
		t.Error("the log tells it")
	}
}

// Whoever reaches the port can write any header: a proxy's word counts only from
// where the proxy is, and with what proves it.
func TestForgedIdentityHeader(t *testing.T) {
	secret := strings.Repeat("proxy-secret-", 4)
	path := filepath.Join(t.TempDir(), "proxy")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(networks string) *served {
		return startServer(t, map[string]string{
			"identity_header": "X-User", "identity_email_header": "X-Email", "proxy_networks": networks, "proxy_secret_file": path,
			"public_url": "https://k.example",
		})
	}
	here, elsewhere := run("127.0.0.1/32"), run("10.0.0.0/8")
	for name, c := range map[string]struct {
		server *served
		header map[string]string
		want   int
	}{
		"the proxy":           {here, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret}, 200},
		"no secret":           {here, map[string]string{"X-User": "anna"}, 403},
		"a wrong secret":      {here, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret + "x"}, 403},
		"only the address":    {here, map[string]string{"X-Email": "anna@example.org"}, 403},
		"from somewhere else": {elsewhere, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret}, 403},
		"a name alone":        {here, map[string]string{"X-User": "anna", "Keyfob-Proxy-Secret": secret}, 401},
		"the server's own":    {here, map[string]string{"X-User": "local", "Keyfob-Proxy-Secret": secret}, 401},
		"a forwarded address": {elsewhere, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret, "X-Forwarded-For": "10.0.0.1"}, 403},
		"nobody is named":     {here, map[string]string{"Keyfob-Proxy-Secret": secret}, 401},
		"a token beside it":   {here, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret, "Authorization": "Bearer kfp_x"}, 400},
		"a forwarded host":    {here, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret, "X-Forwarded-Host": "k.example", "Host": "127.0.0.1"}, 200},
		"a foreign one":       {here, map[string]string{"X-User": "anna", "X-Email": "anna@example.org", "Keyfob-Proxy-Secret": secret, "X-Forwarded-Host": "evil.example"}, 403},
		"a forged one":        {elsewhere, map[string]string{"X-Forwarded-Host": "k.example", "Host": "evil.example"}, 403},
		"no address":          {here, map[string]string{"X-User": "anna", "X-Email": "änna", "Keyfob-Proxy-Secret": secret}, 401},
	} {
		base := strings.Replace(c.server.URL, "https://k.example", c.server.direct(t), 1)
		got := ask(t, browser(t), "GET", base+"/v1/me", func(r *http.Request) {
			r.Host = "k.example"
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			if h := r.Header.Get("Host"); h != "" {
				r.Host = h
			}
		}, nil)
		if got.status != c.want {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, c.want)
		}
	}
}

// Tokens, keys and values must not get into the log, whoever sends them where.
func TestLogHoldsNoProof(t *testing.T) {
	s := startServer(t, map[string]string{"log_level": "debug"})
	login := s.login(t)
	cl := s.client(login.Token.Value)
	if _, err := cl.CreateSecret(t.Context(), api.SecretCreate{Name: "A", Env: "A", Value: api.NewValue([]byte("canary-7f31"))}); err != nil {
		t.Fatal(err)
	}
	get(t, browser(t), string(s.Link.Reveal()))
	for _, path := range everywhere {
		get(t, browser(t), s.URL+path+"?q=canary-7f31")
		ask(t, browser(t), "POST", s.URL+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer canary-7f31") }, nil)
	}
	s.stop()
	for _, secret := range []string{"canary-7f31", string(s.Link.Reveal()), string(s.Code.Reveal()), string(login.Token.Value.Bytes()), "kfp_", "kfo_", "kfb_"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}
