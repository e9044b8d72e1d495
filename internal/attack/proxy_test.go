//go:build linux

package attack

import (
	"fmt"
	"testing"

	"keyfob/api"
)

const (
	proxySecret = "proxy-secret-0123456789abcdef0123456789abcdef"
	proxyHost   = "127.77.0.1" // where the proxy is
)

func behindProxy() setup {
	return setup{
		config: "identity_header: X-User\nidentity_email_header: X-Email\nproxy_networks: [127.77.0.0/16]\nproxy_secret_file: '{dir}/proxy'\n",
		files:  map[string]string{"proxy": proxySecret + "\n"},
	}
}

// theProxy is what the proxy sends for a user.
func theProxy(user string) how {
	return func(r *request) {
		r.from = proxyHost
		with("X-User", user, "Keyfob-Proxy-Secret", proxySecret)(r)
		if user != "" {
			with("X-Email", user+"@example.org")(r)
		}
	}
}

// A server believes its proxy on who asks. Whoever reaches the server's port past
// the proxy can write the same header, and would be anybody: the administrator
// first of all. They may sit in the proxy's network, or have got hold of its
// secret, but not both; and who comes through the proxy can send it headers too.
func TestForgedIdentityHeader(t *testing.T) {
	t.Parallel()
	s := start(t, behindProxy())
	s.keeps("the proxy's secret", proxySecret)
	var me api.Me
	s.must(t, "GET", "/v1/me", nil, theProxy("alice")).into(t, &me)
	if me.Name != "alice" || me.Via != "proxy" {
		t.Fatalf("the proxy's word: %+v", me)
	}
	s.must(t, "POST", "/v1/secrets", api.SecretCreate{Name: "A", Env: "A", Value: val(s.keeps("alice's A", "value-of-alice-behind-the-proxy"))}, theProxy("alice"))
	forged := map[string][]how{
		"nothing proves it":        {with("X-User", "alice")},
		"only the network":         {with("X-User", "alice"), from(proxyHost)},
		"a wrong secret":           {with("X-User", "alice", "Keyfob-Proxy-Secret", proxySecret+"x"), from(proxyHost)},
		"an empty secret":          {with("X-User", "alice", "Keyfob-Proxy-Secret", ""), from(proxyHost)},
		"a part of the secret":     {with("X-User", "alice", "Keyfob-Proxy-Secret", proxySecret[:32]), from(proxyHost)},
		"only the secret":          {with("X-User", "alice", "Keyfob-Proxy-Secret", proxySecret)},
		"the secret twice":         {with("X-User", "alice", "Keyfob-Proxy-Secret", "x", "Keyfob-Proxy-Secret", proxySecret), from(proxyHost)},
		"the secret as a token":    {with("X-User", "alice", "Authorization", "Bearer "+proxySecret), from(proxyHost)},
		"the secret as a cookie":   {with("X-User", "alice", "Cookie", "Keyfob-Proxy-Secret="+proxySecret), from(proxyHost)},
		"a forwarded address":      {with("X-User", "alice", "Keyfob-Proxy-Secret", proxySecret, "X-Forwarded-For", proxyHost)},
		"another forwarded one":    {with("X-User", "alice", "Keyfob-Proxy-Secret", proxySecret, "Forwarded", "for="+proxyHost, "X-Real-Ip", proxyHost)},
		"the user twice":           {theProxy("bob"), with("X-User", "alice")},
		"nobody, and an address":   {with("X-Email", "alice@example.org"), from(proxyHost)},
		"an address past it":       {with("X-Email", "alice@example.org")},
		"an empty user":            {theProxy("")},
		"a token past it":          {with("X-User", "alice"), as(s.admin.token)},
		"a cookie past it":         {with("X-User", "alice"), s.inBrowser(s.admin)},
		"the same with two emails": {theProxy(""), with("X-Email", "a@example.org", "X-Email", "b@example.org")},
	}
	s.unchanged(t, func() {
		for name, changes := range forged {
			for _, path := range []string{"/v1/me", "/v1/secrets", "/v1/secrets/A", "/v1/org/secrets", "/v1/users"} {
				s.ask(t, "GET", path, nil, changes...).want(t, name+" at "+path, 403, "identity_header")
			}
			s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: "B", Env: "B", Value: val("planted")}, changes...).want(t, name, 403, "identity_header")
			s.ask(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}, changes...).want(t, name, 403, "identity_header")
			for _, page := range []string{"/docs", "/sessions", "/device?code=BCDF-GHJK"} {
				got := s.ask(t, "GET", page, nil, append(changes, toHost(s.hostOfPages()))...)
				got.want(t, name+" at "+page, 403, "")
			}
		}
	})
	// Through the proxy, with a proof of one's own beside its word.
	for name, change := range map[string]how{
		"a token": as(s.admin.token), "a forged token": as("kfp_x"), "a session key": with("X-Session-API-Key", "kfs_x"),
		"a cookie": func(r *request) { s.inBrowser(s.admin)(r) },
	} {
		s.ask(t, "GET", "/v1/me", nil, theProxy("alice"), change).want(t, name+" beside the proxy's word", 400, "several_proofs")
	}
	for _, user := range []string{"local", "Local", " local", "al ice", "älice", "../alice", "a\u2028b"} {
		alone := s.ask(t, "GET", "/v1/me", nil, theProxy(""), with("X-User", user))
		if alone.status != 401 && alone.status != 403 {
			t.Errorf("the proxy names %q: %v", user, alone)
		}
		var me api.Me
		if got := s.ask(t, "GET", "/v1/me", nil, theProxy(user)); got.status == 200 {
			got.into(t, &me)
		}
		if me.Name == "local" || me.User != nil && me.User.ID == "local" {
			t.Errorf("whom the proxy names %q is %+v", user, me)
		}
	}
	s.must(t, "GET", "/v1/secrets/A", nil, theProxy("alice"))
}

// A page of another site makes the browser of somebody whom the proxy knows send
// requests: the proxy puts their name on each, so only what the browser says of
// where they come from tells.
func TestPagesCannotUseTheProxysWord(t *testing.T) {
	t.Parallel()
	up := behindProxy()
	up.public = "https://keyfob.example"
	s := start(t, up)
	origin := up.public
	same := with("Origin", origin, "Sec-Fetch-Site", "same-origin")
	s.must(t, "POST", "/v1/secrets", api.SecretCreate{Name: "A", Env: "A", Value: val("value-of-alice-by-proxy")}, theProxy("alice"), same)
	for name, change := range map[string]how{
		"another site":         with("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		"another port":         with("Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"),
		"no origin":            with("Origin", "null", "Sec-Fetch-Site", "cross-site"),
		"an old browser":       with("Origin", "https://evil.example"),
		"a forged origin":      with("Origin", origin, "Sec-Fetch-Site", "cross-site"),
		"origins one by one":   with("Origin", origin, "Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"),
		"an origin below ours": with("Origin", origin+".evil.example", "Sec-Fetch-Site", "same-origin"),
	} {
		for _, call := range [][2]string{{"POST", "/v1/secrets"}, {"PATCH", "/v1/secrets/A"}, {"DELETE", "/v1/secrets/A"}} {
			got := s.ask(t, call[0], call[1], api.SecretCreate{Name: "B", Env: "B", Value: val("planted")}, theProxy("alice"), whichever(), change)
			if got.status != 403 {
				t.Errorf("%s: %s %s: %v", name, call[0], call[1], got)
			}
		}
	}
	var list api.SecretList
	s.must(t, "GET", "/v1/secrets", nil, theProxy("alice")).into(t, &list)
	if len(list.Secrets) != 1 || list.Secrets[0].Version != 1 {
		t.Errorf("a page of another site changed %+v", list.Secrets)
	}
}

// Guesses are counted by the client's address. Somebody behind the proxy sends
// another forwarded address with each guess, and who is past the proxy does so
// too: neither gets a fresh count by it.
func TestForwardedAddressGivesNoFreshCount(t *testing.T) {
	t.Parallel()
	s := start(t, behindProxy())
	for name, guess := range map[string]func(n int) []how{
		"through the proxy": func(n int) []how {
			return []how{from(proxyHost), with("Keyfob-Proxy-Secret", proxySecret, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d, 203.0.113.9", n))}
		},
		"past the proxy": func(n int) []how {
			return []how{from("127.66.0.1"), with("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n), "X-Real-Ip", fmt.Sprint("198.51.100.", n))}
		},
	} {
		refused := 0
		for n := range 30 {
			got := s.ask(t, "GET", "/v1/me", nil, append(guess(n), as("kfp_guess"))...)
			if got.status == 429 {
				refused++
			}
		}
		if refused != 20 {
			t.Errorf("%s: %d of 30 guesses were refused, want 20", name, refused)
		}
	}
	got := s.ask(t, "GET", "/v1/me", nil, from(proxyHost), with("Keyfob-Proxy-Secret", proxySecret, "X-Forwarded-For", "203.0.113.10"), as("kfp_guess"))
	got.want(t, "somebody else behind the proxy", 401, "bad_token")
}
