//go:build linux

package attack

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/api"
)

// refusedFrom sends guesses until one is refused for there were too many, and
// gives how many were looked at.
func refusedFrom(t *testing.T, what string, guess func(n int) answer) int {
	t.Helper()
	for n := range 200 {
		got := guess(n)
		if got.status == 429 {
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 15*60 {
				t.Errorf("%s: to come back in %q seconds", what, got.header.Get("Retry-After"))
			}
			return n
		}
		if got.status < 400 || got.header.Get("Set-Cookie") != "" {
			t.Fatalf("%s: a guess was right: %v", what, got)
		}
	}
	t.Errorf("%s: 200 guesses were looked at", what)
	return 200
}

// forged is text in the form of a proof, checksum and all, that nobody was given.
func forged(prefix string, n int) string {
	letters := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	body := prefix + letters.EncodeToString(b[:])
	return body + letters.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))))
}

// Somebody tries links, one-time codes and texts that are no proofs, as quick as
// the server takes them. After ten that are wrong their address is told to wait;
// others, be they next door, are not.
func TestBruteForceOfProofs(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	w := s.workspace(t, s.admin, api.WorkspaceCreate{})
	name, _, _ := strings.Cut(s.admin.cookie, "=")
	pages := toHost(s.hostOfPages())
	for what, guess := range map[string]func(n int, from how) answer{
		"short tokens": func(n int, from how) answer { return s.ask(t, "GET", "/v1/secrets", nil, from, as(fmt.Sprint(n))) },
		"a wrong checksum": func(n int, from how) answer {
			return s.ask(t, "GET", "/v1/me", nil, from, as(forged("kfp_", n)[:62]+"a"))
		},
		"short cookies": func(n int, from how) answer {
			return s.ask(t, "GET", "/v1/me", nil, from, pages, with("Cookie", name+"="+fmt.Sprint(n)))
		},
		"one-time codes": func(n int, from how) answer {
			return s.ask(t, "POST", "/v1/login/token", api.LoginRequest{Code: asKey(forged("kfo_", n))}, from)
		},
		"device codes": func(n int, from how) answer {
			return s.ask(t, "POST", "/v1/login/token", api.LoginRequest{DeviceCode: asKey(forged("kfd_", n))}, from)
		},
		"links": func(n int, from how) answer { return s.ask(t, "GET", "/signin/"+forged("kfo_", n), nil, from, pages) },
		"other methods": func(n int, from how) answer {
			return s.ask(t, []string{"PATCH", "DELETE", "POST"}[n%3], "/v1/secrets/a", nil, from, as(fmt.Sprint("kfp_", n)))
		},
	} {
		at, next := anAddress(), anAddress()
		if n := refusedFrom(t, what, func(n int) answer { return guess(n, from(at)) }); n < 5 || n > 20 {
			t.Errorf("%s: %d guesses were looked at", what, n)
		}
		guess(1000, from(at)).want(t, what+", one more", 429, "")
		if got := guess(1001, from(next)); got.status == 429 {
			t.Errorf("%s: another address is slowed down: %v", what, got)
		}
		if what == "short tokens" {
			s.ask(t, "GET", "/v1/me", nil, from(at), as(s.admin.token)).want(t, "a good token behind the same address", 200, "")
			s.ask(t, "GET", "/v1/workspace/manifest", nil, from(at), as(key(w.SessionKey))).want(t, "a session key behind it", 200, "")
		}
	}
	link, _ := s.links(t, "local")
	s.ask(t, "GET", link[len(s.pages):], nil, pages).want(t, "a good link", 303, "")
}

// Somebody tries tokens, cookies and keys of 256 bits, which nobody guesses. Each
// is told that it is no good and, but for a burst, has to wait a little: whose
// workspace has ended behind the same address must learn that, not to come back
// later.
func TestBruteForceOfWholeProofs(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	ended := s.workspace(t, s.admin, api.WorkspaceCreate{})
	s.must(t, "DELETE", "/v1/workspaces/"+ended.ID, nil, as(s.admin.token), whichever())
	name, _, _ := strings.Cut(s.admin.cookie, "=")
	at, began := from(anAddress()), time.Now()
	for n := range 75 {
		s.ask(t, "GET", "/v1/me", nil, at, as(forged("kfp_", n))).want(t, "a token", 401, "bad_token")
		s.ask(t, "GET", "/v1/me", nil, at, as(forged("kfl_", n))).want(t, "a launcher's key", 401, "bad_token")
		s.ask(t, "GET", "/v1/workspace/manifest", nil, at, as(forged("kfs_", n))).want(t, "a session key", 401, "session_revoked")
		s.ask(t, "GET", "/v1/me", nil, at, toHost(s.hostOfPages()), with("Cookie", name+"="+forged("kfb_", n))).want(t, "a cookie", 401, "bad_session")
	}
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("300 guesses were looked up within %s", took)
	}
	s.ask(t, "GET", "/v1/workspace/manifest", nil, at, as(key(ended.SessionKey))).want(t, "the key of a workspace that has ended", 401, "session_revoked")
	s.ask(t, "GET", "/v1/me", nil, at, as(s.admin.token)).want(t, "a good token", 200, "")
}

// A user code has eight letters, so that people can type it: the one proof that
// could be guessed. Somebody signed in guesses codes, to approve a login that is
// not theirs (and be given what its owner then stores); many of them do so at
// once, from many addresses.
func TestBruteForceOfUserCodes(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	eve := s.join(t, "eve")
	code := func(n int) string {
		const letters = "BCDFGHJKLMNPQRSTVWXZ"
		out := []byte("BCDF-GHJK")
		for i := 8; i > 4; i-- {
			out[i], n = letters[n%20], n/20
		}
		return string(out)
	}
	looked := refusedFrom(t, "user codes", func(n int) answer {
		return s.ask(t, "POST", "/device", "decision=approve&code="+code(n), form(), s.inBrowser(eve))
	})
	if looked > 20 {
		t.Errorf("%d guesses of one user were looked at", looked)
	}
	s.ask(t, "GET", "/device?code="+code(999), nil, s.inBrowser(eve)).want(t, "only looking", 429, "")
	again := s.browse(t, func() string { link, _ := s.links(t, "eve"); return link }())
	s.ask(t, "POST", "/device", "decision=approve&code="+code(1), form(), s.inBrowser(&person{cookie: again})).want(t, "another browser of hers", 429, "")
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}).into(t, &waits)
	if regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).FindString(waits.UserCode) == "" {
		t.Errorf("the user code %s", waits.UserCode)
	}
	s.must(t, "POST", "/device", "decision=approve&code="+waits.UserCode, form(), s.inBrowser(s.admin))
}

// Somebody begins logins without end: each is a record that waits ten minutes.
func TestLoginsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	at, begun := anAddress(), 0
	for range 40 {
		if s.ask(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}, from(at)).status == 200 {
			begun++
		}
	}
	if begun < 10 || begun > 25 {
		t.Errorf("one address began %d logins", begun)
	}
	s.ask(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}).want(t, "another address", 200, "")
}

// heap is what the server's own memory holds, garbage that is not collected yet
// included, in bytes.
func (s *server) heap(t *testing.T) float64 {
	t.Helper()
	text := s.must(t, "GET", "/metrics", nil, from("127.0.0.1")).body
	m := regexp.MustCompile(`(?m)^go_memstats_heap_inuse_bytes (\S+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("the metrics do not say what memory is in use: %.500s", text)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The count of failures is kept by address, and an attacker has many. What is
// kept of each must not be what they sent: here that would be 90 MB.
func TestFailuresOfManyAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	before := s.heap(t)
	long := strings.Repeat("x", 60_000)
	for n := range 1500 {
		s.ask(t, "GET", "/v1/me", nil, as(forged("kfp_", n)+long)).want(t, "a long token", 401, "")
	}
	grown := s.heap(t) - before
	t.Logf("the heap grew by %.1f MB", grown/1e6)
	if grown > 60e6 {
		t.Errorf("after 1500 addresses the server holds %.0f MB more", grown/1e6)
	}
	s.must(t, "GET", "/v1/me", nil, as(s.admin.token))
}

// One user wants to know who else there is, and what they have: by whether "no"
// sounds different for what is another's and for what nobody has.
func TestEnumeration(t *testing.T) {
	t.Parallel()
	s := start(t, withLauncher("alice"))
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.secret(t, bob, api.SecretCreate{Name: "BOBS", Lookup: true}, "value-of-bob-that-is-not-listed")
	s.account(t, "/v1/accounts", bob, "work", aliceKey, "https://api.anthropic.com")
	w := s.workspace(t, bob, api.WorkspaceCreate{Gateway: true})
	theirs := s.stepUp(t, bob.reveal, "BOBS")
	theirToken := s.lasting(t, bob.token, api.TokenAsk{Name: "ci", Scopes: []string{"secrets:read"}})
	var tokens api.TokenList
	s.must(t, "GET", "/v1/tokens", nil, as(bob.token)).into(t, &tokens)
	var sessions api.BrowserSessionList
	s.must(t, "GET", "/v1/sessions", nil, as(bob.token)).into(t, &sessions)
	unlike := func(id string) string { // one that nobody has, of the same form
		i := strings.LastIndexByte(id, '_') + 1
		return id[:i] + strings.Repeat("a", len(id)-i)
	}
	same := func(what, method, path, there, absent string, changes ...how) {
		t.Helper()
		a := s.ask(t, method, strings.Replace(path, "*", there, 1), "{}", append(changes, whichever())...)
		b := s.ask(t, method, strings.Replace(path, "*", absent, 1), "{}", append(changes, whichever())...)
		one, two := strings.ReplaceAll(string(a.body), there, "*"), strings.ReplaceAll(string(b.body), absent, "*")
		if a.status != b.status || one != two || a.status < 400 || a.header.Get("ETag") != "" {
			t.Errorf("%s sounds different:\n%v\n%v", what, a, b)
		}
	}
	s.unchanged(t, func() {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			same(method+" of a secret", method, "/v1/secrets/*", "BOBS", "NONE", as(alice.token))
			same(method+" of an account", method, "/v1/accounts/anthropic/default/*", "work", "none", as(alice.token))
			same(method+" of a workspace", method, "/v1/workspaces/*", w.ID, unlike(w.ID), as(alice.token))
			same(method+" of a user", method, "/v1/users/*", "bob", "nobody", as(alice.token))
		}
		same("rotating a workspace", "POST", "/v1/workspaces/*/rotate", w.ID, unlike(w.ID), as(alice.token))
		same("revealing a secret", "POST", "/v1/secrets/*/reveal", "BOBS", "NONE", as(alice.reveal))
		same("a step-up", "GET", "/v1/step-ups/*", theirs.ID, unlike(theirs.ID), as(alice.reveal))
		same("approving a step-up", "POST", "/v1/step-ups/*/approve", theirs.ID, unlike(theirs.ID), s.inBrowser(alice))
		same("a token's step-up", "GET", "/v1/step-ups/*", theirToken.ID, unlike(theirToken.ID), as(alice.token))
		same("approving a token's step-up", "POST", "/v1/step-ups/*/approve", theirToken.ID, unlike(theirToken.ID), s.inBrowser(alice))
		same("a token", "DELETE", "/v1/tokens/*", tokens.Tokens[0].ID, unlike(tokens.Tokens[0].ID), as(alice.token))
		same("a browser", "DELETE", "/v1/sessions/*", sessions.Sessions[0].ID, unlike(sessions.Sessions[0].ID), as(alice.token))
		same("a launcher's users", "GET", "/v1/users/*/workspaces", "bob", "nobody", as(launcherKey()))
		same("what a launcher did not make", "GET", "/v1/users/alice/workspaces/*", w.ID, unlike(w.ID), as(launcherKey()))
		same("an administrator and a user's secret", "GET", "/v1/org/secrets/*", "BOBS", "NONE", as(s.admin.token))
		same("an administrator and a user's workspace", "GET", "/v1/workspaces/*", w.ID, unlike(w.ID), as(s.admin.token))
	})
	for _, path := range []string{"/v1/secrets/BOBS", "/v1/accounts/anthropic/default/work", "/v1/workspaces/" + w.ID} {
		s.must(t, "GET", path, nil, as(bob.token))
	}
}
