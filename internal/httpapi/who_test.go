package httpapi_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/httpapi"
	"keyfob/internal/secret"
)

const proxySecret = "a-secret-between-proxy-and-server"

// behindProxy is a server that believes a proxy at 10.200.0.0/16.
func behindProxy(c *httpapi.Config) {
	c.Peers = httpapi.Peers{
		Networks: []netip.Prefix{netip.MustParsePrefix("10.200.0.0/16")}, Secret: secret.FromString(proxySecret),
		UserHeader: "X-User", EmailHeader: "X-Email",
	}
}

// Somebody reaches the server beside its proxy, or through a proxy that passes
// clients' headers on, and sends the header by which the proxy names users. The
// header must make nobody of them, and must not be passed over in silence
// either: what it asks for would be done in the name of whoever's token is there.
func TestForgedIdentityHeader(t *testing.T) {
	k := newKit(t, behindProxy)
	for name, headers := range map[string][]string{
		"from elsewhere":                  {"Test-From", "192.0.2.1", "X-User", "root"},
		"from elsewhere, with the secret": {"Test-From", "192.0.2.1", "X-User", "root", httpapi.ProxySecretHeader, proxySecret},
		"from the network, no secret":     {"Test-From", "10.200.0.1", "X-User", "root"},
		"from the network, a wrong one":   {"Test-From", "10.200.0.1", "X-User", "root", httpapi.ProxySecretHeader, proxySecret + "x"},
		"the secret twice":                {"Test-From", "10.200.0.1", "X-User", "root", httpapi.ProxySecretHeader, proxySecret, httpapi.ProxySecretHeader, "x"},
		"the name twice":                  {"Test-From", "10.200.0.1", "X-User", "root", "X-User", "alice", httpapi.ProxySecretHeader, proxySecret},
		"an address alone":                {"Test-From", "10.200.0.1", "X-Email", "a@example.org", httpapi.ProxySecretHeader, proxySecret},
		"an empty name":                   {"Test-From", "10.200.0.1", "X-User", "", httpapi.ProxySecretHeader, proxySecret},
		"forwarded for the proxy":         {"Test-From", "192.0.2.1", "X-Forwarded-For", "10.200.0.1", "X-User", "root", httpapi.ProxySecretHeader, proxySecret},
		"beside a good token":             append(bearer(k.token(t, "alice", core.AuditRead, time.Hour)), "Test-From", "192.0.2.1", "X-User", "root"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/v1/me", "/v1/users", "/openapi.json"} {
				k.send(t, "GET", path, "", headers...).want(t, http.StatusForbidden, "identity_header")
			}
		})
	}
	proven := []string{"Test-From", "10.200.0.1", httpapi.ProxySecretHeader, proxySecret, "X-User", "dora", "X-Email", "dora@example.org"}
	if got := k.send(t, "GET", "/v1/me", "", proven...).want(t, http.StatusOK, ""); !strings.Contains(got.body, `"name":"dora"`) || !strings.Contains(got.body, `"via":"proxy"`) {
		t.Errorf("got %s", got.body)
	}
	local := slices.Clone(proven)
	local[5], local[7] = "local", ""
	if got := k.send(t, "GET", "/v1/me", "", local[:6]...); strings.Contains(got.body, `"id":"local"`) {
		t.Errorf("a proxy's user took the server's own: %s", got.body)
	}
}

// A page of another site makes the browser of somebody whom a proxy vouches for
// send a request: the proxy's own cookie goes along, and the header with it.
func TestCrossSiteRequestsBehindAProxy(t *testing.T) {
	k := newKit(t, behindProxy)
	proven := []string{"Test-From", "10.200.0.1", httpapi.ProxySecretHeader, proxySecret, "X-User", "dora", "X-Email", "dora@example.org"}
	post := func(more ...string) reply {
		return k.send(t, "POST", "/v1/profiles/none/activate", "", append(slices.Clone(proven), more...)...)
	}
	post("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden, "origin")
	post("Origin", "https://evil.example").want(t, http.StatusForbidden, "origin")
	post("Sec-Fetch-Site", "same-site").want(t, http.StatusForbidden, "origin")
	post("Origin", "null").want(t, http.StatusForbidden, "origin")
	post().want(t, http.StatusNotFound, "") // a program behind the proxy
	post("X-Forwarded-Proto", "https", "X-Forwarded-Host", "keyfob.example", "Origin", "https://keyfob.example", "Sec-Fetch-Site", "same-origin").want(t, http.StatusNotFound, "")
}

// The cookie of a server on one port goes to every port of the host: a page that
// another program serves there can send it, and must get nothing for it.
func TestACookieFromAnotherPort(t *testing.T) {
	k := newKit(t, nil)
	text := cookie + "=" + k.browser(t, "alice")
	for name, headers := range map[string][]string{
		"another port":            {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"},
		"another port, old":       {"Origin", "http://127.0.0.1:1"},
		"no origin":               {},
		"no origin, but a claim":  {"Sec-Fetch-Site", "same-origin"},
		"origin null":             {"Origin", "null", "Sec-Fetch-Site", "same-origin"},
		"two origins":             {"Origin", k.url, "Origin", "http://127.0.0.1:1"},
		"another scheme":          {"Origin", "https" + strings.TrimPrefix(k.url, "http")},
		"a host that begins so":   {"Origin", k.url + ".evil.example"},
		"cross-site, same origin": {"Origin", k.url, "Sec-Fetch-Site", "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			k.send(t, "POST", "/v1/profiles/none/activate", "", append([]string{"Cookie", text}, headers...)...).want(t, http.StatusForbidden, "origin")
		})
	}
	k.send(t, "POST", "/v1/profiles/none/activate", "", "Cookie", text, "Origin", k.url).want(t, http.StatusNotFound, "")
	k.send(t, "GET", "/v1/me", "", "Cookie", text, "Sec-Fetch-Site", "same-site").want(t, http.StatusForbidden, "origin")
	k.send(t, "GET", "/v1/me", "", "Cookie", text, "Sec-Fetch-Site", "none").want(t, http.StatusOK, "")
	k.send(t, "GET", "/v1/me", "", "Cookie", "other="+strings.TrimPrefix(text, cookie+"=")).want(t, http.StatusUnauthorized, "no_proof")
}

// Two proofs in one request: which of them counts would be up to chance, and a
// planted cookie could speak for a stranger beside one's own token.
func TestSeveralProofs(t *testing.T) {
	k := newKit(t, behindProxy)
	token := "Bearer " + k.token(t, "alice", core.AuditRead, time.Hour)
	_, session, _ := k.workspace(t, k.as("alice"))
	text := cookie + "=" + k.browser(t, "bob")
	for name, headers := range map[string][]string{
		"token and cookie":      {"Authorization", token, "Cookie", text, "Origin", k.url},
		"token and session key": {"Authorization", token, "X-Session-API-Key", session},
		"two tokens":            {"Authorization", token, "Authorization", token},
		"two cookies":           {"Cookie", text + "; " + text, "Origin", k.url},
		"token and a proxy":     {"Authorization", token, "Test-From", "10.200.0.1", httpapi.ProxySecretHeader, proxySecret, "X-User", "dora", "X-Email", "dora@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			k.send(t, "GET", "/v1/me", "", headers...).want(t, http.StatusBadRequest, "several_proofs")
		})
	}
	for _, header := range []string{"Basic YTpi", "Bearer", "Bearer  ", "token x"} {
		k.send(t, "GET", "/v1/me", "", "Authorization", header).want(t, http.StatusUnauthorized, "bad_token")
	}
	k.send(t, "GET", "/v1/workspace/secrets", "", "X-Session-API-Key", session).want(t, http.StatusOK, "")
	k.send(t, "GET", "/v1/me", "", "X-Session-API-Key", strings.TrimPrefix(token, "Bearer ")).want(t, http.StatusUnauthorized, api.ReasonSessionRevoked)
}

// Whoever copied a token must not be able to make a proof of another kind with
// it, which would outlive the token's revocation.
func TestATokenMakesNoSecondProof(t *testing.T) {
	k := newKit(t, nil)
	all := bearer(k.token(t, "alice", core.AllScopes&^core.WorkspacesKeys, time.Hour))
	name := k.secret(t, k.as("alice"))
	id := k.stepUpID(t, name, false, all)
	k.send(t, "POST", "/v1/step-ups/"+id+"/approve", "", all...).want(t, http.StatusForbidden, "browser_required")
	k.send(t, "POST", "/v1/secrets/"+name+"/reveal", `{"step_up":"`+id+`"}`, all...).want(t, http.StatusForbidden, "step_up_pending")
	k.send(t, "POST", "/v1/secrets/"+name+"/reveal", `{"confirm":"`+name+`"}`, all...).want(t, http.StatusForbidden, "step_up_required")
	k.send(t, "POST", "/v1/tokens", `{"name":"t","scopes":["secrets:reveal","workspaces:keys"]}`, all...).want(t, http.StatusBadRequest, "scopes_exclude")
	narrow := bearer(k.token(t, "alice", core.TokensWrite, time.Hour))
	k.send(t, "POST", "/v1/tokens", `{"name":"t","scopes":["secrets:read"]}`, narrow...).want(t, http.StatusForbidden, "scope")
}

// Texts that are no proofs are slowed down by address; a proof that is good goes
// on from there, since an address is often that of many people.
func TestGuessesAreSlowedDown(t *testing.T) {
	k := newKit(t, behindProxy)
	from := []string{"Test-From", "192.0.2.9"}
	wrong := append(bearer("kfp_guess"), from...)
	good := append(bearer(k.token(t, "alice", core.AuditRead, time.Hour)), from...)
	for range 10 {
		k.send(t, "GET", "/v1/me", "", wrong...).want(t, http.StatusUnauthorized, "bad_token")
	}
	got := k.send(t, "GET", "/v1/me", "", wrong...).want(t, http.StatusTooManyRequests, api.ReasonTooManyAttempts)
	if got.header.Get("Retry-After") == "" || got.problem.RetryAfter == 0 {
		t.Errorf("no time to wait: %v", got.header)
	}
	k.send(t, "POST", "/v1/login/token", `{"code":"a2ZvX25vbmU="}`, from...).want(t, http.StatusTooManyRequests, api.ReasonTooManyAttempts)
	k.send(t, "GET", "/v1/me", "", good...).want(t, http.StatusOK, "")
	k.send(t, "GET", "/v1/me", "", append(wrong[:2:2], "Test-From", "192.0.2.10")...).want(t, http.StatusUnauthorized, "bad_token")
	// Who is behind a proxy is told apart, and cannot choose to be somebody else.
	behind := []string{"Test-From", "10.200.0.1", httpapi.ProxySecretHeader, proxySecret, "X-Forwarded-For"}
	for i := range 10 {
		k.send(t, "GET", "/v1/me", "", slices.Concat(wrong[:2], behind, []string{"203.0.113." + string(rune('0'+i)) + ", 198.51.100.7, 10.200.0.2"})...).want(t, http.StatusUnauthorized, "bad_token")
	}
	k.send(t, "GET", "/v1/me", "", slices.Concat(wrong[:2], behind, []string{"198.51.100.7"})...).want(t, http.StatusTooManyRequests, api.ReasonTooManyAttempts)
	k.send(t, "GET", "/v1/me", "", slices.Concat(wrong[:2], behind, []string{"198.51.100.8"})...).want(t, http.StatusUnauthorized, "bad_token")
}

// While the server may not see that something was revoked, it hands nothing out.
func TestUnconfirmed(t *testing.T) {
	away := core.Errorf(core.Unavailable, "the store is away").WithReason(api.ReasonUnconfirmed)
	k := newKit(t, func(c *httpapi.Config) { c.Confirmed = func() error { return away } })
	for _, r := range httpapi.Routes() {
		s := k.subject(t, r)
		s.path = strings.ReplaceAll(s.path, "//", "/stp_none/") // none can be asked for
		who := map[httpapi.Who]string{httpapi.Sessions: "session", httpapi.Launchers: "launcher", httpapi.Admins: "admin"}[r.Who]
		if who == "" {
			who = "alice"
		}
		headers := append(k.proof(t, r, s, who), "If-Match", "*")
		got := k.send(t, r.Method, s.path, s.body, headers...)
		if refused := got.problem.Reason == api.ReasonUnconfirmed; refused != r.Confirmed {
			t.Errorf("%s: %d %s", r.ID, got.status, got.body)
		}
	}
}
