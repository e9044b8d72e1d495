package httpapi_test

import (
	"net/http"
	"slices"
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
