package httpapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/httpapi"
)

// logText is what a log wrote; a timer may write, too.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take gives what was written since the last time.
func (l *logText) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

func debugLog() (*slog.Logger, *logText) {
	l := &logText{}
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})), l
}

// Somebody guessed tokens until they were slowed down, and no line of the log told
// of it, at whatever level.
func TestTheLogTellsOfRequestsAndRefusals(t *testing.T) {
	log, text := debugLog()
	k := newKit(t, func(c *httpapi.Config) { c.Log = log })
	h := k.server.Server()
	good := k.token(t, "alice", core.AllScopes, time.Hour)
	text.take()
	for range 30 {
		call(t, h, "GET", "/v1/secrets/GUESSED?x=asked", "", "Authorization", "Bearer guessed-by-somebody")
	}
	call(t, h, "GET", "/v1/secrets/GUESSED", "")
	call(t, h, "GET", "/v1/secrets/GUESSED", "", "Authorization", "Bearer "+good).want(t, http.StatusNotFound, "")
	call(t, h, "GET", "/v1/nothing/GUESSED", "").want(t, http.StatusNotFound, "no_route")
	lines := text.take()
	for what, want := range map[string]int{
		`level=WARN msg="proof refused" address=192.0.2.1 reason=bad_token`:                                                1,
		`level=DEBUG msg="api request" route=/v1/secrets/{name} method=GET status=401 reason=bad_token actor=""`:           -1,
		`level=DEBUG msg="api request" route=/v1/secrets/{name} method=GET status=429 reason=too_many_attempts`:            -1,
		`level=DEBUG msg="api request" route=/v1/secrets/{name} method=GET status=401 reason=no_proof`:                     1,
		`level=DEBUG msg="api request" route=/v1/secrets/{name} method=GET status=404 reason="" actor=` + k.as("alice").ID: 1,
		`level=DEBUG msg="api request" route=none method=none status=404 reason=no_route`:                                  1,
	} {
		if n := strings.Count(lines, what); n != want && !(want < 0 && n > 0) {
			t.Errorf("%d lines with %s, want %d\n%s", n, what, want, lines)
		}
	}
	if n := strings.Count(lines, "level=WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	for _, said := range []string{"GUESSED", "asked", "guessed-by-somebody", good} {
		if strings.Contains(lines, said) {
			t.Errorf("the log holds %q of a request", said)
		}
	}
}

// However many proofs are refused, from however many addresses, the log grows by a
// bounded number of lines a minute, and tells how many there were.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, text := debugLog()
		s := httpapi.New(httpapi.Config{Log: log})
		refuse := func(from string) {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(from), 1).String()
			s.Refused(r, "bad_token")
		}
		for range 5000 {
			refuse("192.0.2.1")
		}
		for n := range 3000 {
			refuse(fmt.Sprintf("10.0.%d.%d", n/250, n%250))
		}
		if n := strings.Count(text.take(), "\n"); n != 1025 {
			t.Errorf("%d lines", n)
		}
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		sums := text.take()
		for _, want := range []string{"address=192.0.2.1 count=5000\n", "address=others count=1977\n"} {
			if !strings.Contains(sums, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
		refuse("192.0.2.1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := text.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "address=192.0.2.1 reason=bad_token") {
			t.Errorf("a new minute: %s", got)
		}
	})
}
