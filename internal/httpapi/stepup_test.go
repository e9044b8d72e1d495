package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
)

// asks has a proof ask for the approval of a token.
func (k *kit) asks(t *testing.T, body string, headers []string) api.StepUp {
	t.Helper()
	got := k.send(t, "POST", "/v1/tokens/step-ups", body, headers...).want(t, http.StatusCreated, "")
	var out api.StepUp
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		t.Fatal(err)
	}
	if at := got.header.Get("Location"); at != "/v1/step-ups/"+out.ID {
		t.Errorf("it is at %q", at)
	}
	return out
}

// withStepUp is a body with the id of an approval.
func withStepUp(body, id string) string {
	return strings.TrimSuffix(body, "}") + `,"step_up":"` + id + `"}`
}

// A login makes a token for a program. Approved in a browser, it stays when the
// login is gone; the request that makes it is good once, and may be sent again.
func TestATokenThatOutlivesItsLogin(t *testing.T) {
	k := newKit(t, nil)
	login := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
	reveals := bearer(k.token(t, "alice", core.SecretsRead|core.SecretsReveal, time.Hour))
	browser := k.sameOrigin(k.browser(t, "alice"))
	const ci = `{"name":"ci","scopes":["workspaces:keys","secrets:read"],"seconds":7776000}`
	asked := k.asks(t, ci, login)
	if asked.Purpose != "token" || asked.State != "pending" || asked.Token == nil || asked.Token.Name != "ci" || asked.Secret != "" ||
		!slices.Equal(asked.Token.Scopes, []string{"secrets:read", "workspaces:keys"}) || asked.Token.ExpiresAt.Sub(asked.CreatedAt) != 90*24*time.Hour {
		t.Errorf("asked %+v", asked)
	}
	one := "/v1/step-ups/" + asked.ID
	k.send(t, "GET", one, "", reveals...).want(t, http.StatusForbidden, "scope")
	k.send(t, "POST", one+"/approve", "", login...).want(t, http.StatusForbidden, "scope") // which no token has
	k.send(t, "POST", one+"/approve", "", "Cookie", browser[1], "Origin", "https://evil.example").want(t, http.StatusForbidden, "origin")
	body := withStepUp(ci, asked.ID)
	k.send(t, "POST", "/v1/tokens", body, login...).want(t, http.StatusForbidden, "step_up_pending")
	k.send(t, "POST", one+"/approve", "", browser...).want(t, http.StatusNoContent, "")
	k.send(t, "POST", "/v1/tokens", strings.Replace(body, "7776000", "7776001", 1), login...).want(t, http.StatusForbidden, api.ReasonStepUp)

	sent := append(slices.Clone(login), requestKey, "0123456789abcdef")
	got := k.send(t, "POST", "/v1/tokens", body, sent...).want(t, http.StatusCreated, "")
	var made api.TokenCreated
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || made.Maker != "" || !made.ExpiresAt.Equal(asked.Token.ExpiresAt) {
		t.Fatalf("made %s, %v", got.body, err)
	}
	k.send(t, "POST", "/v1/tokens", body, sent...).want(t, http.StatusConflict, api.ReasonAlreadyMade)
	k.send(t, "POST", "/v1/tokens", body, login...).want(t, http.StatusForbidden, api.ReasonStepUp)
	if got := k.send(t, "GET", one, "", login...).want(t, http.StatusOK, ""); !strings.Contains(got.body, `"state":"used"`) {
		t.Errorf("afterwards it is %s", got.body)
	}
	me, err := k.identity.Bearer(t.Context(), strings.TrimPrefix(login[1], "Bearer "))
	if err != nil {
		t.Fatal(err)
	}
	k.send(t, "DELETE", "/v1/tokens/"+me.Via.ID, "", login...).want(t, http.StatusNoContent, "")
	k.send(t, "GET", "/v1/me", "", login...).want(t, http.StatusUnauthorized, "bad_token")
	k.send(t, "GET", "/v1/me", "", bearer(string(made.Value.Bytes()))...).want(t, http.StatusOK, "")
}

// Whoever has one approval tries it for the other purpose.
func TestAnApprovalIsForOnePurpose(t *testing.T) {
	k := newKit(t, nil)
	all := bearer(k.token(t, "alice", core.AllScopes&^core.WorkspacesKeys, time.Hour))
	browser := k.sameOrigin(k.browser(t, "alice"))
	name := k.secret(t, k.as("alice"))
	const ci = `{"name":"ci","scopes":["secrets:read"]}`
	ofToken, ofReveal := k.asks(t, ci, all).ID, k.stepUpID(t, name, false, all)
	for _, id := range []string{ofToken, ofReveal} {
		k.send(t, "POST", "/v1/step-ups/"+id+"/approve", "", browser...).want(t, http.StatusNoContent, "")
	}
	reveal := "/v1/secrets/" + name + "/reveal"
	k.send(t, "POST", reveal, `{"step_up":"`+ofToken+`"}`, all...).want(t, http.StatusForbidden, api.ReasonStepUp)
	k.send(t, "POST", "/v1/tokens", withStepUp(ci, ofReveal), all...).want(t, http.StatusForbidden, api.ReasonStepUp)
	k.send(t, "POST", reveal, `{"step_up":"`+ofReveal+`"}`, all...).want(t, http.StatusOK, "")
	k.send(t, "POST", "/v1/tokens", withStepUp(ci, ofToken), all...).want(t, http.StatusCreated, "")
}
