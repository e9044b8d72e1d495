//go:build linux

package attack

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/api"
)

// operation is one that the server's own document names.
type operation struct {
	id, method, path string
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// operations are those of GET /openapi.
func (s *server) operations(t testing.TB) []operation {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	s.ask(t, "GET", "/openapi.json", nil).into(t, &doc)
	var out []operation
	for path, methods := range doc.Paths {
		for method, o := range methods {
			out = append(out, operation{o.OperationID, strings.ToUpper(method), path})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.id, b.id) })
	if len(out) < 90 {
		t.Fatalf("the document names %d operations", len(out))
	}
	return out
}

// some is the operation's path with something in every place.
func (o operation) some() string { return pathParameter.ReplaceAllString(o.path, "x") }

// others is what a browser says of requests that other sites' pages make.
func (s *server) others() map[string]how {
	return map[string]how{
		"another site":                with("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		"another port of this host":   with("Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"),
		"the programs' address":       with("Origin", s.url, "Sec-Fetch-Site", "same-site"),
		"a page without an origin":    with("Origin", "null", "Sec-Fetch-Site", "cross-site"),
		"only an origin":              with("Origin", "https://evil.example"),
		"only that it is cross-site":  with("Sec-Fetch-Site", "cross-site"),
		"no browser at all":           with(),
		"a typed address of a form":   with("Sec-Fetch-Site", "none"),
		"a site that says same":       with("Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"),
		"an origin that says cross":   with("Origin", s.pages, "Sec-Fetch-Site", "cross-site"),
		"an origin that begins so":    with("Origin", s.pages+".evil.example", "Sec-Fetch-Site", "same-origin"),
		"an origin of another scheme": with("Origin", strings.Replace(s.pages, "http:", "https:", 1)),
	}
}

// A page of another site is open in the browser of somebody who is signed in, and
// sends forms and requests to the server on their machine: it would read their
// secrets, make itself a token, approve a login of its own.
func TestCrossOriginRequests(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	s.secret(t, s.admin, api.SecretCreate{Name: "x", Lookup: true}, "value-that-a-page-wants-to-read")
	asked := s.stepUp(t, s.admin.reveal, "x")
	cookie := func(r *request) { r.Host = s.hostOfPages(); with("Cookie", s.admin.cookie)(r) }
	s.unchanged(t, func() {
		for _, o := range s.operations(t) {
			if strings.HasPrefix(o.path, "/v1/login/") || o.path == "/openapi.json" {
				continue // take no cookie
			}
			for name, change := range s.others() {
				safe := o.method == "GET"
				if safe && name != "another site" && name != "only that it is cross-site" && name != "an origin that says cross" {
					continue // nothing that could be read or done: there is no CORS header, see below
				}
				got := s.ask(t, o.method, o.some(), "{}", cookie, whichever(), change, kept())
				got.want(t, o.id+" from "+name, 403, "origin")
			}
		}
		for _, page := range []string{"/signout", "/device", "/step-up/" + asked.ID, "/signin/kfo_x", "/sessions/" + s.sessionID(t) + "/end"} {
			for name, change := range s.others() {
				got := s.ask(t, "POST", page, "decision=approve&code=BCDF-GHJK", form(), cookie, change)
				if got.status != 403 || got.header.Get("Set-Cookie") != "" {
					t.Errorf("%s from %s: %v", page, name, got)
				}
			}
		}
	})
	s.noCORS(t, cookie)
	// The server's own page may.
	s.must(t, "POST", "/step-up/"+asked.ID, "decision=approve", form(), s.inBrowser(s.admin))
	s.must(t, "DELETE", "/v1/secrets/x", nil, whichever(), s.inBrowser(s.admin))
	s.must(t, "POST", "/signout", "", form(), s.inBrowser(s.admin))
	s.ask(t, "GET", "/v1/me", nil, s.inBrowser(s.admin)).want(t, "after signing out", 401, "bad_session")
}

func (s *server) sessionID(t *testing.T) string {
	t.Helper()
	var list api.BrowserSessionList
	s.must(t, "GET", "/v1/sessions", nil, as(s.admin.token)).into(t, &list)
	return list.Sessions[0].ID
}

// noCORS looks for what would let another site's page read an answer, or send
// more than a form.
func (s *server) noCORS(t *testing.T, cookie how) {
	t.Helper()
	for _, path := range []string{"/v1/secrets", "/v1/me", "/v1/login/token", "/openapi.json", "/docs", "/sessions", "/healthz", "/p/anthropic/default/v1/messages", "/nothing"} {
		for _, method := range []string{"GET", "OPTIONS", "HEAD"} {
			for _, host := range []string{s.addr, s.hostOfPages()} {
				got := s.ask(t, method, path, nil, kept(), cookie, toHost(host), with("Origin", "https://evil.example",
					"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type", "Access-Control-Request-Private-Network", "true"))
				for name := range got.header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s %s at %s: %s: %s", method, path, host, name, got.header.Get(name))
					}
				}
			}
		}
	}
	for _, page := range []string{"/docs", "/device", "/sessions"} {
		h := s.must(t, "GET", page, nil, cookie, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")).header
		if h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s can be framed or read by another site: %v", page, h)
		}
	}
}

// A page opens a WebSocket, for which browsers ask nobody: it would read events
// past the rules for other requests.
func TestWebSocketUpgrade(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	for _, path := range []string{"/v1/events", "/v1/secrets", "/p/anthropic/default/v1/messages", "/docs", "/"} {
		for _, host := range []string{s.addr, s.hostOfPages()} {
			resp, _, err := s.send(t, t.Context(), "GET", path, nil, toHost(host), with("Cookie", s.admin.cookie, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site",
				"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusSwitchingProtocols || path == "/v1/events" && resp.StatusCode != 403 {
				t.Errorf("%s at %s: %d", path, host, resp.StatusCode)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, _, err := s.send(t, ctx, "GET", "/v1/events", nil, s.inBrowser(s.admin))
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the server's own page reads no events: %v", err)
	}
	_ = resp.Body.Close()
}

// A page at a name of the attacker's own has that name point to 127.0.0.1: the
// browser then takes the server for the page's own, and lets it read everything.
// Only the Host tells.
func TestDNSRebinding(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	port := s.addr[strings.LastIndex(s.addr, ":"):]
	hosts := []string{"evil.example", "evil.example" + port, "127.0.0.1.evil.example" + port, "localhost.evil.example" + port, "keyfob.localhost" + port, "x.keyfob.localhost" + port,
		s.hostOfPages() + ".evil.example", "evil." + s.hostOfPages(), "127.0.0.2" + port, "127.1" + port, "2130706433" + port, "0x7f.1" + port, "0.0.0.0" + port, "[::1]" + port, "127.0.0.1", "127.0.0.1:1",
		"localhost", "localhost." + port, "127.0.0.1." + port}
	for _, host := range hosts {
		for _, path := range []string{"/", "/docs", "/signin/x", "/device", "/sessions", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/me", "/v1/secrets", "/v1/login/device", "/v1/workspace/manifest", "/p/anthropic/default/v1/models"} {
			for _, method := range []string{"GET", "POST"} {
				got := s.ask(t, method, path, nil, kept(), toHost(host), as(s.admin.token), with("Cookie", s.admin.cookie))
				got.want(t, method+" "+path+" of "+host, 403, "foreign_host")
			}
		}
	}
	// The name that counts is the request's own target, where that has one.
	for name, text := range map[string]string{
		"a foreign target":   "GET http://evil.example/v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\n",
		"a foreign host":     "GET /v1/me HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: " + s.addr + "\r\nForwarded: host=" + s.addr + "\r\n",
		"two hosts":          "GET /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\nHost: evil.example\r\n",
		"no host":            "GET /v1/me HTTP/1.1\r\n",
		"no host, as of old": "GET /v1/me HTTP/1.0\r\n",
		"a user in it":       "GET /v1/me HTTP/1.1\r\nHost: evil.example@" + s.addr + "\r\n",
	} {
		got := s.raw(t, text+"Authorization: Bearer "+s.admin.token+"\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") && !strings.HasPrefix(got, "HTTP/1.1 403 ") && !strings.HasPrefix(got, "HTTP/1.0 403 ") {
			t.Errorf("%s: %.200s", name, got)
		}
	}
	for _, host := range []string{s.addr, "localhost" + port, "LOCALHOST" + port, s.hostOfPages()} {
		s.ask(t, "GET", "/v1/me", nil, from("127.0.0.1"), toHost(host), as(s.admin.token)).want(t, "the host "+host, 200, "")
	}
}

// Another user of this machine runs a web server on another port. Browsers share
// cookies over the ports of a host: it gets the session of whoever visits it, or
// plants its own, so that the victim stores their keys in the attacker's account.
func TestCookieOfAnotherPort(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	eve := s.join(t, "eve")
	port := s.addr[strings.LastIndex(s.addr, ":"):]
	s.wantCookie(t, "local", "Path=/", "HttpOnly", "SameSite=Lax")
	for _, host := range []string{s.addr, "localhost" + port} {
		s.ask(t, "GET", "/v1/me", nil, toHost(host), with("Cookie", s.admin.cookie)).want(t, "the cookie at "+host, 401, "no_proof")
		s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: "KEY", Value: val("planted"), Lookup: true}, toHost(host), with("Cookie", eve.cookie)).want(t, "a planted cookie at "+host, 401, "no_proof")
		if got := s.ask(t, "GET", "/docs", nil, toHost(host), with("Cookie", s.admin.cookie)); strings.Contains(string(got.body), "<b>local</b>") {
			t.Errorf("the page at %s shows who is signed in elsewhere", host)
		}
	}
	name, value, _ := strings.Cut(s.admin.cookie, "=")
	label, _, _ := strings.Cut(s.hostOfPages(), ".")
	if len(label) < 22 || !strings.Contains(name, label) {
		t.Errorf("the name of the cookie (%s) can be guessed by who plants one for every port", name)
	}
	_, evil, _ := strings.Cut(eve.cookie, "=")
	own := func(text string) how {
		return func(r *request) { s.inBrowser(&person{cookie: text})(r) }
	}
	s.unchanged(t, func() {
		for what, text := range map[string]string{
			"before": name + "=" + evil + "; " + name + "=" + value, "after": name + "=" + value + "; " + name + "=" + evil, "twice": name + "=" + value + "; " + name + "=" + value,
		} {
			s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: "KEY", Value: val("planted"), Lookup: true}, own(text)).want(t, "a cookie planted "+what, 400, "several_proofs")
			s.ask(t, "GET", "/sessions", nil, own(text)).want(t, "a page with a cookie planted "+what, 400, "")
		}
		for _, other := range []string{"keyfob=", "__Host-keyfob=", "keyfob-=", "session=", strings.ToUpper(name) + "=", name + "x="} {
			s.ask(t, "GET", "/v1/me", nil, own(other+evil)).want(t, "a cookie "+other, 401, "no_proof")
		}
		s.ask(t, "GET", "/v1/me", nil, s.inBrowser(s.admin), as(eve.token)).want(t, "a cookie and another's token", 400, "several_proofs")
	})
	s.must(t, "GET", "/v1/me", nil, own("other=1; "+name+"="+value+"; another=2"))
}

// wantCookie signs in once more, and wants these attributes and no others.
func (s *server) wantCookie(t *testing.T, user string, attributes ...string) {
	t.Helper()
	link, _ := s.links(t, user)
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	got := s.ask(t, "GET", u.Path, nil, toHost(u.Host)).header.Values("Set-Cookie")
	if len(got) != 1 {
		t.Fatalf("%d cookies", len(got))
	}
	parts := strings.Split(got[0], "; ")[1:]
	for _, want := range attributes {
		if !slices.Contains(parts, want) {
			t.Errorf("the cookie has no %s, but %v", want, parts)
		}
	}
	for _, p := range parts {
		if !slices.Contains(attributes, p) && !strings.HasPrefix(p, "Max-Age=") {
			t.Errorf("the cookie has %s", p)
		}
	}
}

// Somebody sends a victim a link that signs in as the sender, on a page that
// opens it unseen: what the victim then stores is the sender's. A link that
// another site leads to takes a click on the server's own page, and what looks
// ahead uses none up.
func TestSignInByAnotherSite(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	link, _ := s.links(t, "local")
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	at := toHost(u.Host)
	for name, change := range map[string]how{
		"a frame of another site": with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe"),
		"a link of another site":  with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
		"another port":            with("Sec-Fetch-Site", "same-site"),
		"what looks ahead":        with("Sec-Purpose", "prefetch"),
		"an older one of those":   with("Purpose", "prefetch"),
	} {
		if got := s.ask(t, "GET", u.Path, nil, at, change); got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s signs a browser in", name)
		}
	}
	if got := s.ask(t, "HEAD", u.Path, nil, at); got.status != 200 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("a preview signs a browser in: %v", got)
	}
	for name, change := range s.others() {
		if got := s.ask(t, "POST", u.Path, "", form(), at, change); got.status != 403 || got.header.Get("Set-Cookie") != "" {
			t.Errorf("the form of %s signs a browser in: %v", name, got)
		}
	}
	got := s.ask(t, "POST", u.Path, "", form(), at, with("Origin", s.pages, "Sec-Fetch-Site", "same-origin"))
	if got.status != 303 || got.header.Get("Set-Cookie") == "" {
		t.Errorf("the click: %v", got)
	}
	s.ask(t, "GET", u.Path, nil, at, with("Sec-Fetch-Site", "none")).want(t, "the link again", 401, "")
}
