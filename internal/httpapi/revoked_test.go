package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
)

// Many agents call from behind one address. One of them has a wrong key and does
// not stop; another's workspace ends. It must hear "session_revoked", by which it
// removes what it was given, and never that it should wait: it would keep all of
// that for as long as the other one fails.
func TestARevokedKeyHearsThatBehindABusyAddress(t *testing.T) {
	k := newKit(t, nil)
	from := []string{"Test-From", "192.0.2.9"}
	ask := func(path, text string) reply {
		return k.send(t, "GET", path, "", slices.Concat(bearer(text), from)...)
	}
	id, session, gateway := k.workspace(t, k.as("alice"))
	revoked, expired := k.token(t, "alice", core.TokensWrite|core.SecretsRead, time.Hour), k.token(t, "alice", core.SecretsRead, -time.Second)
	ask("/v1/workspace/manifest", session).want(t, http.StatusOK, "")
	ask("/v1/secrets", revoked).want(t, http.StatusOK, "")
	a, err := k.identity.Bearer(t.Context(), revoked)
	if err == nil {
		err = k.identity.DeleteToken(t.Context(), a, a.Via.ID)
	}
	if err == nil {
		err = k.ws.End(t.Context(), k.as("alice"), id, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		ask("/v1/me", "guess")
	}
	ask("/v1/me", "guess").want(t, http.StatusTooManyRequests, api.ReasonTooManyAttempts)
	for range 120 { // more than a burst
		ask("/v1/workspace/manifest", string(core.NewToken(core.SessionKeyPrefix).Reveal())).want(t, http.StatusUnauthorized, api.ReasonSessionRevoked)
	}
	ask("/v1/workspace/manifest", session).want(t, http.StatusUnauthorized, api.ReasonSessionRevoked)
	ask("/v1/secrets", revoked).want(t, http.StatusUnauthorized, "bad_token")
	ask("/v1/secrets", expired).want(t, http.StatusUnauthorized, "expired")
	ask("/v1/me", string(core.NewToken(core.PersonalPrefix).Reveal())).want(t, http.StatusUnauthorized, "bad_token")
	ask("/v1/workspace/manifest", gateway).want(t, http.StatusUnauthorized, "gateway_key")
	k.send(t, "GET", "/v1/me", "", from...).want(t, http.StatusUnauthorized, "no_proof")
	k.send(t, "GET", "/v1/me", "", slices.Concat(k.sameOrigin(string(core.NewToken(core.BrowserPrefix).Reveal())), from)...).want(t, http.StatusUnauthorized, "bad_session")
	ask("/v1/me", k.token(t, "alice", core.SecretsRead, time.Hour)).want(t, http.StatusOK, "")
}

// Somebody called with made-up tokens on many connections, and the agents behind
// the same address had their good keys refused at first use. A good one counts
// whatever comes beside it, and each bad one hears that it is bad.
func TestGoodKeysCountBesideManyMadeUpOnes(t *testing.T) {
	k := newKit(t, nil)
	ask := func(path, text string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+text)
		r.Header.Set("Test-From", "192.0.2.9")
		w := httptest.NewRecorder()
		k.handler.ServeHTTP(w, r)
		return w.Code
	}
	var wg sync.WaitGroup
	for range 600 {
		wg.Go(func() {
			if got := ask("/v1/me", string(core.NewToken(core.PersonalPrefix).Reveal())); got != http.StatusUnauthorized {
				t.Errorf("a made-up token: %d", got)
			}
		})
	}
	for range 5 {
		_, session, _ := k.workspace(t, k.as("alice"))
		if got := ask("/v1/workspace/secrets", session); got != http.StatusOK {
			t.Errorf("a good key: %d", got)
		}
	}
	wg.Wait()
}
