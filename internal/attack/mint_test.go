//go:build linux

package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyfob/api"
)

func everyScope() []string {
	return []string{"secrets:read", "secrets:write", "secrets:reveal", "accounts:read", "accounts:write", "workspaces:read", "workspaces:write",
		"workspaces:keys", "tokens:read", "tokens:write", "audit:read", "admin:read", "admin:write"}
}

// token makes one of this person's with these scopes.
func (s *server) token(t *testing.T, p *person, scopes ...string) api.TokenCreated {
	t.Helper()
	var out api.TokenCreated
	maker := p.token
	if slices.Contains(scopes, "secrets:reveal") {
		s.must(t, "POST", "/v1/tokens", api.TokenCreate{Name: "made", Scopes: scopes}, s.inBrowser(p)).into(t, &out)
		return out
	}
	s.must(t, "POST", "/v1/tokens", api.TokenCreate{Name: "made", Scopes: scopes}, as(maker)).into(t, &out)
	return out
}

// Somebody copied a token out of a shell's history. They want something that
// outlives its revocation, or that can do more: a stronger token, a browser
// session, a link, an approval. A token makes tokens of its own scopes or fewer,
// and no other proof.
func TestTokenMintsNoSecondProof(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice := s.join(t, "alice")
	s.secret(t, alice, api.SecretCreate{Name: "PROD", Lookup: true}, "value-that-a-stolen-token-wants")
	stolen := key(s.token(t, alice, "secrets:read", "tokens:read", "tokens:write").Value)
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "the thief's own"}).into(t, &waits)
	asked := s.stepUp(t, alice.reveal, "PROD")
	s.unchanged(t, func() {
		for _, scope := range everyScope() {
			if slices.Contains([]string{"secrets:read", "tokens:read", "tokens:write"}, scope) {
				continue
			}
			s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "more", Scopes: []string{scope}}, as(stolen)).want(t, "a token with "+scope, 403, "scope")
			s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "more", Scopes: []string{"secrets:read", scope}}, as(stolen)).want(t, "a token with "+scope, 403, "scope")
		}
		for _, maker := range []string{stolen, alice.token, alice.reveal} {
			s.decideByToken(t, maker, asked.ID, waits.UserCode)
			s.askForBrowser(t, maker)
		}
		s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "both", Scopes: []string{"secrets:reveal", "workspaces:keys"}}, s.inBrowser(alice)).
			want(t, "one token that reveals and hands out keys", 400, "")
		s.ask(t, "POST", "/v1/login/token", api.LoginRequest{DeviceCode: waits.DeviceCode}).want(t, "the login that nobody approved", 403, api.ReasonPending)
		s.ask(t, "POST", "/v1/secrets/PROD/reveal", api.RevealRequest{StepUp: asked.ID}, as(alice.reveal)).want(t, "the reveal that nobody approved", 403, "step_up_pending")
	})
	// What a token may: fewer scopes, and its own end.
	var fewer api.TokenCreated
	s.must(t, "POST", "/v1/tokens", api.TokenCreate{Name: "fewer", Scopes: []string{"secrets:read"}}, as(stolen)).into(t, &fewer)
	s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "more", Scopes: []string{"tokens:write"}}, as(key(fewer.Value))).want(t, "a token of the token", 403, "scope")
	// And what a browser may.
	s.approve(t, alice, asked.ID)
	s.must(t, "POST", "/v1/secrets/PROD/reveal", api.RevealRequest{StepUp: asked.ID}, as(alice.reveal), shows("alice's PROD"))
	s.must(t, "POST", "/device", "code="+waits.UserCode+"&decision=approve", form(), s.inBrowser(alice))
	s.must(t, "POST", "/v1/login/token", api.LoginRequest{DeviceCode: waits.DeviceCode})
}

// decideByToken tries every way to approve, by a token alone.
func (s *server) decideByToken(t *testing.T, token, stepUp, userCode string) {
	t.Helper()
	for _, verb := range []string{"approve", "deny"} {
		got := s.ask(t, "POST", "/v1/step-ups/"+stepUp+"/"+verb, nil, as(token))
		if got.status != 403 {
			t.Errorf("a token may %s: %v", verb, got)
		}
		for _, page := range []string{"/step-up/" + stepUp, "/device"} {
			got := s.ask(t, "POST", page, "decision="+verb+"&code="+userCode, form(), as(token), toHost(s.hostOfPages()), with("Origin", s.pages, "Sec-Fetch-Site", "same-origin"))
			if got.status != 401 {
				t.Errorf("a token may %s at %s: %v", verb, page, got)
			}
		}
	}
	if got := s.ask(t, "GET", "/device?code="+userCode, nil, as(token), toHost(s.hostOfPages())); got.status != 401 || strings.Contains(string(got.body), "thief") {
		t.Errorf("a token sees who waits: %v", got)
	}
}

// askForBrowser tries to get a cookie or a link for a token.
func (s *server) askForBrowser(t *testing.T, token string) {
	t.Helper()
	for _, call := range [][2]string{
		{"POST", "/v1/sessions"}, {"POST", "/v1/links"}, {"POST", "/v1/users/alice/link"}, {"POST", "/v1/login/link"},
		{"POST", "/signin/" + token}, {"GET", "/signin/" + token}, {"GET", "/docs"}, {"GET", "/"}, {"GET", "/sessions"}, {"GET", "/v1/me"},
	} {
		for _, host := range []string{s.addr, s.hostOfPages()} {
			got, err := s.try(t, call[0], call[1], nil, as(token), toHost(host), func(r *request) {
				if call[0] == "POST" && host != s.addr {
					with("Origin", s.pages, "Sec-Fetch-Site", "same-origin")(r)
				}
			})
			if err != nil || len(got.header.Values("Set-Cookie")) > 0 || strings.Contains(string(got.body), "kfb_") || strings.Contains(string(got.body), "kfo_") {
				t.Errorf("%s %s by a token at %s: %v %v %v", call[0], strings.Replace(call[1], token, "TOKEN", 1), host, got.status, got.header, err)
			}
		}
	}
	_, name, _ := strings.Cut(s.admin.cookie, "keyfob-")
	name, _, _ = strings.Cut(name, "=")
	s.ask(t, "GET", "/v1/me", nil, toHost(s.hostOfPages()), with("Cookie", "keyfob-"+name+"="+token)).want(t, "a token as a cookie", 401, "bad_session")
	_, cookie, _ := strings.Cut(s.admin.cookie, "=")
	s.ask(t, "GET", "/v1/me", nil, as(cookie)).want(t, "a cookie as a token", 401, "bad_token")
}

// A reveal is bound to who asked for it, to the secret and its version, to 60
// seconds and to once. Somebody with a step-up that was approved tries it for
// everything else.
func TestStepUpIsForOneReveal(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	for _, p := range []*person{alice, bob} {
		for _, name := range []string{"ONE", "TWO"} {
			s.secret(t, p, api.SecretCreate{Name: name, Lookup: true}, fmt.Sprintf("value-%s-of-%s-behind-a-step-up", name, p.name))
		}
	}
	reveal := func(name, id, token string, changes ...how) answer {
		return s.ask(t, "POST", "/v1/secrets/"+name+"/reveal", api.RevealRequest{StepUp: id}, append(changes, as(token))...)
	}
	second := key(s.token(t, alice, "secrets:read", "secrets:reveal").Value)
	good := s.stepUp(t, alice.reveal, "ONE")
	reveal("ONE", good.ID, alice.reveal).want(t, "before anybody approved", 403, "step_up_pending")
	s.refuseToDecide(t, bob, bob.reveal, good.ID)
	s.approve(t, alice, good.ID)
	s.unchanged(t, func() {
		reveal("TWO", good.ID, alice.reveal).want(t, "another secret", 403, api.ReasonStepUp)
		reveal("ONE", good.ID, bob.reveal).want(t, "another user's secret of that name", 403, api.ReasonStepUp)
		reveal("ONE", good.ID, second).want(t, "another token of the same user", 403, api.ReasonStepUp)
		reveal("ONE", good.ID, alice.token).want(t, "a token that may not reveal", 403, "scope")
		s.ask(t, "POST", "/v1/secrets/ONE/reveal", api.RevealRequest{StepUp: good.ID}, s.inBrowser(alice)).want(t, "the browser that approved", 403, api.ReasonStepUp)
		s.ask(t, "POST", "/v1/org/secrets/ONE/reveal", api.RevealRequest{StepUp: good.ID}, as(s.admin.reveal)).want(t, "an administrator, who reveals the organisation's alone", 404, "")
		s.ask(t, "POST", "/v1/secrets/ONE/reveal", api.RevealRequest{Confirm: "ONE"}, as(alice.reveal)).want(t, "a confirmation, as on one machine", 403, api.ReasonStepUp)
		for _, id := range []string{"", good.Code, strings.ToUpper(good.ID), good.ID + "\x00", good.ID + "/", "stp_", "*", bob.id} {
			reveal("ONE", id, alice.reveal).want(t, "the step-up "+id, 403, api.ReasonStepUp)
		}
	})
	reveal("ONE", good.ID, alice.reveal, shows("alice's ONE")).want(t, "what was approved", 200, "")
	reveal("ONE", good.ID, alice.reveal).want(t, "the same again", 403, api.ReasonStepUp)

	old := s.stepUp(t, alice.reveal, "ONE")
	s.approve(t, alice, old.ID)
	newer := val(s.keeps("alice's newer ONE", "the-newer-value-of-alice's-secret"))
	s.must(t, "PATCH", "/v1/secrets/ONE", api.SecretUpdate{Value: &newer}, as(alice.token), whichever())
	reveal("ONE", old.ID, alice.reveal).want(t, "a version that was not approved", 403, api.ReasonStepUp)

	denied := s.stepUp(t, alice.reveal, "ONE")
	s.must(t, "POST", "/step-up/"+denied.ID, "decision=deny", form(), s.inBrowser(alice))
	reveal("ONE", denied.ID, alice.reveal).want(t, "a step-up that was denied", 403, "step_up_denied")
	s.ask(t, "POST", "/step-up/"+denied.ID, "decision=approve", form(), s.inBrowser(alice)).want(t, "approved after all", 409, "")

	again := s.stepUp(t, second, "TWO")
	s.approve(t, alice, again.ID)
	s.endSessions(t, alice)
	reveal("TWO", again.ID, second).want(t, "approved by a browser that was signed out", 403, api.ReasonStepUp)
}

// refuseToDecide has somebody else try to look at a step-up, with a token that may
// look at their own, and to decide it.
func (s *server) refuseToDecide(t *testing.T, p *person, token, id string) {
	t.Helper()
	s.ask(t, "GET", "/v1/step-ups/"+id, nil, as(token)).want(t, "another user looks", 404, "")
	for _, verb := range []string{"approve", "deny"} {
		s.ask(t, "POST", "/v1/step-ups/"+id+"/"+verb, nil, s.inBrowser(p)).want(t, "another user's browser: "+verb, 404, "")
		s.ask(t, "POST", "/step-up/"+id, "decision="+verb, form(), s.inBrowser(p)).want(t, "another user's page: "+verb, 404, "")
	}
}

// endSessions signs every browser of this person out.
func (s *server) endSessions(t *testing.T, p *person) {
	t.Helper()
	var list api.BrowserSessionList
	s.must(t, "GET", "/v1/sessions", nil, as(p.token)).into(t, &list)
	for _, one := range list.Sessions {
		s.must(t, "DELETE", "/v1/sessions/"+one.ID, nil, as(p.token))
	}
}

// The click that approves must be fresh. Whoever sits down at a browser that was
// left signed in can approve what that very browser asked for only within five
// minutes of its sign-in; here within, so it is let through, and once.
func TestBrowserMayApproveItsOwnWhileFresh(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	s.secret(t, s.admin, api.SecretCreate{Name: "ONE", Lookup: true}, "value-behind-the-own-browser")
	var asked api.StepUp
	s.must(t, "POST", "/v1/step-ups", api.StepUpAsk{Secret: "ONE"}, s.inBrowser(s.admin)).into(t, &asked)
	s.approve(t, s.admin, asked.ID)
	s.must(t, "POST", "/v1/secrets/ONE/reveal", api.RevealRequest{StepUp: asked.ID}, s.inBrowser(s.admin), shows("local's ONE"))
	s.ask(t, "POST", "/v1/secrets/ONE/reveal", api.RevealRequest{StepUp: asked.ID}, s.inBrowser(s.admin)).want(t, "the same again", 403, api.ReasonStepUp)
}
