package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/keyfobtest"
)

// A service that refused a key repeated it, in a header and in its message: the
// workspace, which is to have the gateway key alone, read the account's.
func TestCredentialThatTheUpstreamRepeats(t *testing.T) {
	for _, long := range []bool{false, true} {
		tail := ""
		if long {
			tail = strings.Repeat("x", 40<<10)
		}
		r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
			key := q.Header.Get("X-Api-Key")
			if key != keyOne {
				t.Error("the upstream did not get the key")
			}
			w.Header().Set("X-Request-Id", "Bearer "+key)
			w.Header().Set("Request-Id", "req_1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":{"message":"bad key %s, really %s"}}%s`, key, key, tail)
		})
		got := r.post(ask)
		stars := strings.Repeat("*", len(keyOne))
		want := `{"error":{"message":"bad key ` + stars + `, really ` + stars + `"}}` + tail
		if got.status != http.StatusBadRequest || got.err != nil || got.body != want {
			t.Errorf("status %d, %v: %.200s", got.status, got.err, got.body)
		}
		if got.header.Get("Request-Id") != "req_1" || got.header.Get("X-Request-Id") != "" {
			t.Errorf("header %v", got.header)
		}
	}
}

// A server without keys is given a word for one, which its answers may well use.
func TestWordForAKeyIsNoSecret(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("anthropic", "word", "ollama", newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-Id", "ollama-1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "ollama says no")
	}))
	if got := r.post(ask); got.body != "ollama says no" || got.header.Get("Request-Id") != "ollama-1" {
		t.Errorf("%v: %s", got.header, got.body)
	}
}

// An upstream answered "100 Continue" for ever: whoever asked, or tested the
// account, waited until they gave up themselves.
func TestInterimAnswersWithoutEnd(t *testing.T) {
	interim := func(n int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close() //nolint:errcheck // answered
			for i := 0; err == nil && i != n; i++ {
				_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"data\":[]}")
		}
	}
	test := func(r *rig) error {
		_, err := r.home.Accounts.Test(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "one"})
		return err
	}
	few := upstream(t, interim(3))
	if got := few.post(ask); got.status != http.StatusOK || got.body != `{"data":[]}` {
		t.Errorf("a few: status %d, %s", got.status, got.body)
	}
	if err := test(few); err != nil {
		t.Errorf("a few: %v", err)
	}
	endless := upstream(t, interim(-1))
	if got := endless.post(ask); got.status != http.StatusBadGateway || got.header.Get("Keyfob-Local") != "upstream_ambiguous" {
		t.Errorf("without end: status %d, %v", got.status, got.header)
	}
	if err := test(endless); err == nil {
		t.Error("the test of the account took it for an answer")
	}
}
