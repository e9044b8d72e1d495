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
	"sync"
	"testing"

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

// Somebody tries tokens, cookies and keys of 256 bits, which nobody guesses, as fast
// as they can. That must find nothing, and keep nobody out: whoever has a good
// proof behind the same address is let in meanwhile, and whose workspace has ended
// learns that, not to come back later.
func TestBruteForceOfWholeProofs(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	ended := s.workspace(t, s.admin, api.WorkspaceCreate{})
	s.must(t, "DELETE", "/v1/workspaces/"+ended.ID, nil, as(s.admin.token), whichever())
	name, _, _ := strings.Cut(s.admin.cookie, "=")
	at := from(anAddress())
	s.unchanged(t, func() {
		var guessing sync.WaitGroup
		for guesser := range 8 {
			guessing.Go(func() {
				for n := guesser; n < 240; n += 8 {
					s.ask(t, "GET", "/v1/me", nil, at, as(forged("kfp_", n))).want(t, "a token", 401, "bad_token")
					s.ask(t, "GET", "/v1/me", nil, at, as(forged("kfl_", n))).want(t, "a launcher's key", 401, "bad_token")
					s.ask(t, "GET", "/v1/workspace/manifest", nil, at, as(forged("kfs_", n))).want(t, "a session key", 401, "session_revoked")
					s.ask(t, "GET", "/v1/me", nil, at, toHost(s.hostOfPages()), with("Cookie", name+"="+forged("kfb_", n))).want(t, "a cookie", 401, "bad_session")
				}
			})
		}
		for range 20 {
			s.ask(t, "GET", "/v1/workspace/manifest", nil, at, as(key(ended.SessionKey))).want(t, "the key of a workspace that has ended", 401, "session_revoked")
			s.ask(t, "GET", "/v1/me", nil, at, as(s.admin.token)).want(t, "a good token", 200, "")
		}
		guessing.Wait()
	})
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

// Somebody begins logins without end: each is a record that waits ten minutes, and
// a thousand may wait. On the server's machine they came from one loopback address
// after another, and within two seconds nobody anywhere could begin one.
func TestLoginsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}).into(t, &waits)
	begun := 1
	for range 40 {
		if s.ask(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}, from(anAddress())).status == 200 {
			begun++
		}
	}
	if begun < 10 || begun > 25 {
		t.Errorf("one machine began %d logins", begun)
	}
	s.must(t, "POST", "/device", "decision=approve&code="+waits.UserCode, form(), s.inBrowser(s.admin))
	s.must(t, "POST", "/v1/login/token", api.LoginRequest{DeviceCode: waits.DeviceCode})
}

// Ten users guessed ten codes each, in a fifth of a second, and nobody could
// approve a login for a quarter of an hour. A user who has not guessed may.
func TestGuessesOfManyUsersShutNobodyOut(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}).into(t, &waits)
	var last *person
	for n := range 11 {
		last = s.join(t, fmt.Sprint("guesser", n))
		for i := range 10 {
			if n == 10 && i == 1 {
				break
			}
			s.ask(t, "GET", fmt.Sprintf("/device?code=BBBB-BBB%c", "BCDFGHJKLM"[i]), nil, s.inBrowser(last)).want(t, "a guess", 404, "")
		}
	}
	s.ask(t, "GET", "/device?code="+waits.UserCode, nil, s.inBrowser(last)).want(t, "whoever guessed wrong after a hundred", 429, "")
	s.must(t, "POST", "/device", "decision=approve&code="+waits.UserCode, form(), s.inBrowser(s.admin))
}
