package webui_test

import (
	"bytes"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/docs/reference"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
	"keyfob/internal/throttle"
	"keyfob/internal/webui"
)

// rig is the pages on a real port, over a real identity.
type rig struct {
	*identity.Identity
	guardtest.Kit
	pages *httptest.Server
	url   string
	log   *bytes.Buffer
	mu    sync.Mutex
	seen  []string // routes and statuses that were observed
	peer  func(*http.Request, *webui.Peer)
}

const cookieName = "keyfob-test"

func newRig(t *testing.T) *rig {
	t.Helper()
	k := guardtest.New(t)
	id, err := identity.New(identity.Config{Guard: k.Guard, Store: k.Store})
	if err != nil {
		t.Fatal(err)
	}
	if err := id.EnsureFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{Identity: id, Kit: k, log: &bytes.Buffer{}}
	pages := webui.New(webui.Config{
		Identity: id, Cookie: cookieName, Attempts: throttle.New(throttle.Config{Failures: 5}), OpenAPI: reference.OpenAPI,
		Address: func() string { return "https://keyfob.example.com" },
		Log:     slog.New(slog.NewJSONHandler(r.log, nil)),
		Peer: func(req *http.Request) webui.Peer {
			p := webui.Peer{Address: netip.MustParseAddr("192.0.2.1"), Origin: "http://" + req.Host}
			if r.peer != nil {
				r.peer(req, &p)
			}
			return p
		},
		Observe: func(route, method string, status int, _ time.Duration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.seen = append(r.seen, method+" "+route+" "+http.StatusText(status))
		},
	})
	plain := http.StripPrefix("/plain", pages.Plain())
	r.pages = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/plain/") {
			plain.ServeHTTP(w, req)
			return
		}
		pages.ServeHTTP(w, req)
	}))
	t.Cleanup(r.pages.Close)
	r.url = r.pages.URL
	return r
}

func (r *rig) link(t *testing.T, user string) string {
	t.Helper()
	_, text, err := r.MakeLink(t.Context(), user, core.LinkProof)
	if err != nil {
		t.Fatal(err)
	}
	return r.url + "/signin/" + string(text.Reveal())
}

// browser is one that keeps cookies and follows no redirect.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *rig) signedIn(t *testing.T, user string) *http.Client {
	t.Helper()
	b := browser(t)
	if got := ask(t, b, "GET", r.link(t, user), nil, nil); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return b
}

type page struct {
	status int
	body   string
	header http.Header
}

func ask(t *testing.T, c *http.Client, method, at string, headers map[string]string, form url.Values) page {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, at, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{resp.StatusCode, string(b), resp.Header}
}

// send is a form of the server's own page.
func (r *rig) send(t *testing.T, c *http.Client, path string, form url.Values) page {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return ask(t, c, "POST", r.url+path, map[string]string{"Origin": r.url, "Sec-Fetch-Site": "same-origin"}, form)
}

func TestLinkSignsInOnce(t *testing.T) {
	r := newRig(t)
	link := r.link(t, "local")
	b := browser(t)
	got := ask(t, b, "GET", link, nil, nil)
	c := got.header.Get("Set-Cookie")
	if got.status != 303 || got.header.Get("Location") != "/" || !strings.HasPrefix(c, cookieName+"=kfb_") {
		t.Fatalf("%d %v", got.status, got.header)
	}
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=4"} {
		if !strings.Contains(c, want) {
			t.Errorf("the cookie lacks %s: %s", want, c)
		}
	}
	if strings.Contains(c, "Domain") || strings.Contains(c, "Secure") {
		t.Errorf("the cookie on plain HTTP is %s", c)
	}
	if got := ask(t, b, "GET", r.url+"/docs", nil, nil); !strings.Contains(got.body, "signed in as <b>local</b>") {
		t.Error("the browser is not signed in")
	}
	if got := ask(t, browser(t), "GET", link, nil, nil); got.status != 401 || !strings.Contains(got.body, "used already") || got.header.Get("Set-Cookie") != "" {
		t.Errorf("the link again: %d %s", got.status, got.body)
	}
}

// What only looks at a link (a chat's preview by HEAD, a browser that fetches
// ahead) must not use it up, nor may another site's page sign its visitors in as
// somebody it chooses.
func TestLinkIsNotUsedUpUnawares(t *testing.T) {
	r := newRig(t)
	link := r.link(t, "local")
	b := browser(t)
	if got := ask(t, b, "HEAD", link, nil, nil); got.status != 200 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("HEAD: %d %v", got.status, got.header)
	}
	for _, h := range []map[string]string{{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "Prefetch"}, {"X-Moz": "prefetch"}} {
		if got := ask(t, b, "GET", link, h, nil); got.status != 403 || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%v: %d", h, got.status)
		}
	}
	for _, site := range []string{"cross-site", "same-site"} {
		got := ask(t, b, "GET", link, map[string]string{"Sec-Fetch-Site": site}, nil)
		if got.status != 200 || got.header.Get("Set-Cookie") != "" || !strings.Contains(got.body, `<form method="post"><button>Sign in`) {
			t.Errorf("%s: %d %s", site, got.status, got.body)
		}
	}
	path := strings.TrimPrefix(link, r.url)
	if got := ask(t, b, "POST", link, map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, nil); got.status != 403 {
		t.Errorf("a foreign form: %d", got.status)
	}
	if got := r.send(t, b, path, nil); got.status != 303 {
		t.Errorf("the button: %d %s", got.status, got.body)
	}
}

// A page of another site can make a browser send a form here, with the cookie if
// it is the same site on another port.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	sessions, err := r.Sessions(t.Context(), core.LocalUser)
	if err != nil || len(sessions) != 1 {
		t.Fatal(err)
	}
	for name, h := range map[string]map[string]string{
		"another site":              {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
		"another port":              {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
		"only an origin":            {"Origin": "http://127.0.0.1:1"},
		"no origin":                 {"Origin": "null"},
		"nothing at all":            {},
		"a site that says same":     {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
		"an origin that is cross":   {"Origin": r.url, "Sec-Fetch-Site": "cross-site"},
		"an origin that begins so":  {"Origin": r.url + ".evil.example"},
		"a typed address of a form": {"Sec-Fetch-Site": "none"},
	} {
		for _, path := range []string{"/signout", "/device", "/step-up/stp_x", "/sessions/" + sessions[0].ID + "/end"} {
			if got := ask(t, b, "POST", r.url+path, h, url.Values{"decision": {"approve"}}); got.status != 403 || !strings.Contains(got.body, "nothing was done") {
				t.Errorf("%s at %s: %d", name, path, got.status)
			}
		}
	}
	if left, _ := r.Sessions(t.Context(), core.LocalUser); len(left) != 1 {
		t.Error("a foreign form signed the browser out")
	}
}

func TestApproveACommandLine(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	for _, decision := range []string{"approve", "deny"} {
		grant, err := r.StartDevice(t.Context(), "laptop <script>alert(1)</script>")
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, browser(t), "GET", r.url+"/device?code="+grant.UserCode, nil, nil); got.status != 401 || strings.Contains(got.body, "laptop") {
			t.Errorf("nobody sees who asks: %d", got.status)
		}
		got := ask(t, b, "GET", r.url+"/device?code="+strings.ToLower(grant.UserCode), nil, nil)
		if got.status != 200 || !strings.Contains(got.body, "laptop") || !strings.Contains(got.body, grant.UserCode) || strings.Contains(got.body, "<script") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := r.send(t, b, "/device", url.Values{"code": {grant.UserCode}}); got.status != 400 {
			t.Errorf("without a decision: %d", got.status)
		}
		if got := r.send(t, b, "/device", url.Values{"code": {grant.UserCode}, "decision": {decision}}); got.status != 200 {
			t.Errorf("%s: %d %s", decision, got.status, got.body)
		}
		_, err = r.Login(t.Context(), identity.LoginRequest{DeviceCode: string(grant.DeviceCode.Reveal()), Client: "x"})
		if (err == nil) != (decision == "approve") {
			t.Errorf("%s: %v", decision, err)
		}
	}
	if got := ask(t, b, "GET", r.url+"/device", nil, nil); got.status != 200 || !strings.Contains(got.body, `name="code"`) {
		t.Errorf("the form: %d", got.status)
	}
	if got := ask(t, b, "GET", r.url+"/device?code=BBBB-BBBB", nil, nil); got.status != 404 {
		t.Errorf("a code of nobody's: %d", got.status)
	}
}

// commandLine signs a command line in, and gives what its token's and its reveal
// token's bearer acts as.
func (r *rig) commandLine(t *testing.T, name string) (login identity.LoginResult, actor, reveal core.Actor) {
	t.Helper()
	_, code, err := r.MakeLink(t.Context(), "local", core.CodeProof)
	if err != nil {
		t.Fatal(err)
	}
	login, err = r.Login(t.Context(), identity.LoginRequest{Code: string(code.Reveal()), Client: name})
	if err == nil {
		actor, err = r.Bearer(t.Context(), string(login.TokenText.Reveal()))
	}
	if err == nil {
		reveal, err = r.Bearer(t.Context(), string(login.RevealText.Reveal()))
	}
	if err != nil {
		t.Fatal(err)
	}
	return login, actor, reveal
}

func TestApproveAReveal(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	tokens, _, actor := r.commandLine(t, "x")
	s := core.Secret{ID: "sec_1", Owner: core.Local, Name: "NPM <b>TOKEN", Version: 3}
	asked, err := r.AskStepUp(t.Context(), actor, s, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	at := "/step-up/" + asked.ID
	got := ask(t, b, "GET", r.url+at, nil, nil)
	if got.status != 200 || !strings.Contains(got.body, "NPM &lt;b&gt;TOKEN") || !strings.Contains(got.body, asked.Code) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if strings.Contains(got.body, actor.Via.ID) || !strings.Contains(got.body, "asked by the token <b>"+html.EscapeString(tokens.Reveal.Name)+"</b> (made 0 minutes ago), from 192.0.2.7, at ") {
		t.Errorf("people know their tokens by name: %s", got.body)
	}
	if err := r.Take(t.Context(), actor, asked.ID, s); err == nil {
		t.Error("it was approved by being looked at")
	}
	if got := r.send(t, b, at, url.Values{"decision": {"approve"}}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if err := r.Take(t.Context(), actor, asked.ID, s); err != nil {
		t.Error(err)
	}
	if got := r.send(t, b, at, url.Values{"decision": {"deny"}}); got.status != 409 {
		t.Errorf("decided twice: %d", got.status)
	}
}

func TestBrowsersAreListedAndEnded(t *testing.T) {
	r := newRig(t)
	one, two := r.signedIn(t, "local"), r.signedIn(t, "local")
	list := ask(t, one, "GET", r.url+"/sessions", nil, nil)
	ids, err := r.Sessions(t.Context(), core.LocalUser)
	if err != nil || len(ids) != 2 || strings.Count(list.body, "this one") != 1 {
		t.Fatalf("%v\n%s", err, list.body)
	}
	for _, id := range ids {
		if !strings.Contains(list.body, `action="/sessions/`+id.ID+`/end"`) {
			t.Errorf("%s cannot be ended", id.ID)
		}
	}
	if got := r.send(t, one, "/sessions/"+ids[1].ID+"/end", nil); got.status != 303 {
		t.Errorf("the other: %d %s", got.status, got.body)
	}
	if got := ask(t, two, "GET", r.url+"/sessions", nil, nil); got.status != 401 || !strings.Contains(got.body, "sign-in link") {
		t.Errorf("an ended session: %d %s", got.status, got.body)
	}
	if got := r.send(t, r.signedIn(t, "local"), "/sessions/"+ids[0].ID+"/end", nil); got.status != 303 {
		t.Errorf("another browser of the same user: %d", got.status)
	}
	one = r.signedIn(t, "local")
	if got := r.send(t, one, "/signout", nil); got.status != 200 || !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %v", got.status, got.header)
	}
	if got := ask(t, one, "GET", r.url+"/sessions", nil, nil); got.status != 401 {
		t.Errorf("after signing out: %d", got.status)
	}
}

func TestWhomAProxyVouchesFor(t *testing.T) {
	r := newRig(t)
	r.peer = func(req *http.Request, p *webui.Peer) {
		p.User = req.Header.Get("X-User")
		if p.User == "forged" {
			p.User, p.Refused = "", core.Errorf(core.Forbidden, "no").WithReason("identity_header").WithHint("x")
		}
	}
	if got := ask(t, browser(t), "GET", r.url+"/docs", map[string]string{"X-User": "anna"}, nil); !strings.Contains(got.body, "<b>anna</b>") || strings.Contains(got.body, "/signout") {
		t.Errorf("%s", got.body)
	}
	if got := ask(t, browser(t), "GET", r.url+"/docs", map[string]string{"X-User": "forged"}, nil); got.status != 403 {
		t.Errorf("a forged header: %d", got.status)
	}
	link := r.link(t, "local")
	if got := ask(t, browser(t), "GET", link, map[string]string{"X-User": "anna"}, nil); got.status != 409 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("a link beside the proxy's word: %d", got.status)
	}
	if got := ask(t, browser(t), "GET", link, nil, nil); got.status != 303 {
		t.Errorf("the link was used up: %d", got.status)
	}
	if got := ask(t, r.signedIn(t, "local"), "GET", r.url+"/sessions", map[string]string{"X-User": "anna"}, nil); got.status != 400 {
		t.Errorf("a cookie beside the proxy's word: %d", got.status)
	}
}

// Whoever had been signed in by a link stood before a reference of the API, and
// nothing said what to do next.
func TestHomeSaysWhatToDo(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	r.peer = func(req *http.Request, p *webui.Peer) { p.User = req.Header.Get("X-User") }
	for _, v := range []struct {
		who      *http.Client
		header   map[string]string
		has, not []string
	}{
		{b, nil, []string{"You are signed in as local", "keyfob login https://keyfob.example.com<", `href="/device"`, `href="/sessions"`, `action="/signout"`, "“Sign out” above"}, []string{"The proxy"}},
		{b, map[string]string{"Accept-Language": "de"}, []string{"Angemeldet als local", "keyfob login https://keyfob.example.com<", "„Abmelden“ oben"}, nil},
		{browser(t), map[string]string{"X-User": "anna"}, []string{"You are signed in as anna", "The proxy in front of this server signs you in"}, []string{"/signout", "above ends"}},
	} {
		got := ask(t, v.who, "GET", r.url+"/", v.header, nil)
		for _, want := range v.has {
			if got.status != 200 || !strings.Contains(got.body, want) {
				t.Errorf("%d, without %q:\n%s", got.status, want, got.body)
			}
		}
		for _, bad := range v.not {
			if strings.Contains(got.body, bad) {
				t.Errorf("with %q:\n%s", bad, got.body)
			}
		}
	}
	if got := ask(t, browser(t), "GET", r.url+"/", nil, nil); got.status != 303 || got.header.Get("Location") != "/docs" {
		t.Errorf("where nobody is signed in: %d", got.status)
	}
}

// A cookie that another server planted beside ours must not count, whichever the
// browser sends first.
func TestTwoCookiesAreNone(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	got := ask(t, b, "GET", r.url+"/sessions", map[string]string{"Cookie": cookieName + "=kfb_planted"}, nil)
	if got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestGuessesOfLinksAreSlowed(t *testing.T) {
	r := newRig(t)
	forged := func() string { return r.url + "/signin/" + string(core.NewToken(core.LinkPrefix).Reveal()) }
	var last page
	for range 6 {
		last = ask(t, browser(t), "GET", forged(), nil, nil)
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", last.status, last.header)
	}
	if got := ask(t, browser(t), "GET", r.url+"/docs", nil, nil); got.status != 200 {
		t.Errorf("the other pages: %d", got.status)
	}
	// Ten bad links from the address that everybody here shares kept everybody out.
	r.signedIn(t, "local")
}

// At 127.0.0.1 the pages led to "There is no such page".
func TestPagesLeadNowhereThatIsNot(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	for _, prefix := range []string{"", "/plain"} {
		for _, at := range []string{"/docs", "/device", "/none", "/"} {
			if prefix+at == "/plain/" {
				continue // it only leads to /docs
			}
			links := regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(ask(t, b, "GET", r.url+prefix+at, nil, nil).body, -1)
			if len(links) < 3 {
				t.Errorf("%s%s: only %q", prefix, at, links)
			}
			for _, link := range links {
				if link[1] == "/openapi.json" {
					continue // the API's
				}
				if got := ask(t, b, "GET", r.url+prefix+link[1], nil, nil); got.status != 200 {
					t.Errorf("%s%s leads to %s: %d", prefix, at, link[1], got.status)
				}
			}
		}
	}
}

func TestPlainPagesSignNobodyIn(t *testing.T) {
	r := newRig(t)
	link := strings.Replace(r.link(t, "local"), "/signin/", "/plain/signin/", 1)
	if got := ask(t, browser(t), "GET", link, nil, nil); got.status != 404 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
	for path, want := range map[string]int{"/plain/docs": 200, "/plain/device?code=x": 200, "/plain/": 303, "/plain/sessions": 404, "/plain/style.css": 200} {
		if got := ask(t, browser(t), "GET", r.url+path, nil, nil); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestNoRedirectOfItsOwn(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"//docs", "/docs/", "/./docs", "/x/../docs", "//evil.example/%2e%2e", "/docs//", "/plain//evil.example/.."} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + req.URL.Host + path
		resp, err := r.pages.Client().Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 404 {
			t.Errorf("%s: %d to %q", path, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

// Every page in both languages: no script, nothing from elsewhere, and the
// headers that hold browsers to it.
func TestEveryPage(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	for _, path := range []string{"/", "/docs", "/device", "/sessions", "/none", "/step-up/none", "/style.css", "/signin/x"} {
		for tongue, accept := range map[string]string{"en": "fr, en;q=0.3", "de": "de-AT,de;q=0.9,en;q=0.5"} {
			got := ask(t, b, "GET", r.url+path, map[string]string{"Accept-Language": accept, "Sec-Fetch-Site": "cross-site"}, nil)
			csp := got.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || got.header.Get("X-Frame-Options") != "DENY" ||
				got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", path, got.header)
			}
			if path == "/style.css" {
				continue
			}
			if !strings.Contains(got.body, `<html lang="`+tongue+`">`) || !strings.Contains(got.body, "</html>") || !strings.Contains(got.body, `name="viewport"`) {
				t.Errorf("%s in %s:\n%s", path, tongue, got.body)
			}
			if regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|src=|https?://`).MatchString(strings.ReplaceAll(got.body, "keyfob login https://", "")) && path != "/docs" {
				t.Errorf("%s has a script, a style or something from elsewhere:\n%s", path, got.body)
			}
		}
	}
	for _, seen := range r.seen {
		if strings.Contains(seen, "/none") || strings.Contains(seen, "/signin/x") {
			t.Errorf("a browser's path is a route: %s", seen)
		}
	}
	if r.log.Len() > 0 {
		t.Errorf("the log:\n%s", r.log)
	}
}

// The page shows every operation of the document, and renders what it says.
func TestDocsShowTheWholeDocument(t *testing.T) {
	r := newRig(t)
	got := ask(t, browser(t), "GET", r.url+"/docs", nil, nil)
	ids := regexp.MustCompile(`"operationId":\s*"([^"]+)"`).FindAllStringSubmatch(string(reference.OpenAPI()), -1)
	if len(ids) < 50 {
		t.Fatalf("only %d operations in the document", len(ids))
	}
	for _, id := range ids {
		if !strings.Contains(got.body, `<details id="`+id[1]+`">`) {
			t.Errorf("%s is not shown", id[1])
		}
	}
	// Groups had their names for ids, and an id with a space is none: their links
	// went nowhere.
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(got.body, -1) {
		if seen[id[1]] || strings.ContainsAny(id[1], " \t") || id[1] == "" {
			t.Errorf("%q is no id of its own", id[1])
		}
		seen[id[1]] = true
	}
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(got.body, -1) {
		if !seen[link[1]] {
			t.Errorf("the link to %q goes nowhere", link[1])
		}
	}
	if strings.Contains(got.body, "ZgotmplZ") {
		t.Error("the page has something that a template would not show")
	}
}
