//go:build linux

package attack

import (
	"testing"

	"keyfob/api"
)

// lasting asks for the approval of a token that ends with no other.
func (s *server) lasting(t testing.TB, token string, in api.TokenAsk) api.StepUp {
	t.Helper()
	var out api.StepUp
	s.must(t, "POST", "/v1/tokens/step-ups", in, as(token)).into(t, &out)
	return out
}

// A copied token mints a lasting second proof. Somebody copied the token of a
// login out of a laptop's backup. Its owner will sign out, or it will expire, so
// they want a token that ends with no login. They may ask for one; only a browser
// makes that good. So they try to approve it themselves, and to use what its owner
// approved, for another name, more scopes, a longer time or another token.
func TestACopiedTokenMintsNoLastingProof(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	ci := api.TokenAsk{Name: "ci", Scopes: []string{"secrets:read", "tokens:read"}, Seconds: 90 * 24 * 3600}
	create := func(who string, in api.TokenAsk, id string) answer {
		return s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: in.Name, Scopes: in.Scopes, Seconds: in.Seconds, StepUp: id}, as(who))
	}
	copied := key(s.token(t, alice, "secrets:read", "tokens:read", "tokens:write").Value)
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "the thief's own"}).into(t, &waits)
	theirs, hers := s.lasting(t, copied, ci), s.lasting(t, alice.token, ci)
	s.refuseToDecide(t, bob, bob.token, hers.ID)
	s.unchanged(t, func() {
		for _, id := range []string{theirs.ID, hers.ID} {
			for _, who := range []string{copied, alice.token, alice.reveal, s.admin.token} {
				s.decideByToken(t, who, id, waits.UserCode)
			}
		}
		create(copied, ci, theirs.ID).want(t, "what nobody approved", 403, "step_up_pending")
		s.ask(t, "POST", "/v1/tokens/step-ups", api.TokenAsk{Name: "ci", Scopes: []string{"workspaces:keys"}}, as(copied)).want(t, "asking for more than was copied", 403, "scope")
		s.ask(t, "POST", "/step-up/"+theirs.ID, "decision=approve", form(), toHost(s.hostOfPages()),
			with("Cookie", alice.cookie, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")).want(t, "a form of their own site", 403, "")
	})
	s.approve(t, alice, hers.ID)
	more, longer, other := ci, ci, ci
	more.Scopes, longer.Seconds, other.Name = append([]string{"tokens:write"}, ci.Scopes...), ci.Seconds+1, "ci "
	s.unchanged(t, func() {
		create(copied, ci, hers.ID).want(t, "what another token asked for", 403, api.ReasonStepUp)
		create(bob.token, ci, hers.ID).want(t, "what another user approved", 403, api.ReasonStepUp)
		create(alice.token, more, hers.ID).want(t, "more scopes", 403, api.ReasonStepUp)
		create(alice.token, longer, hers.ID).want(t, "a longer time", 403, api.ReasonStepUp)
		create(alice.token, other, hers.ID).want(t, "a name that looks the same", 400, "")
		s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: ci.Name, Scopes: ci.Scopes, Seconds: ci.Seconds, StepUp: hers.ID}, s.inBrowser(alice)).want(t, "the browser itself", 403, api.ReasonStepUp)
	})
	var made, fallback api.TokenCreated
	create(alice.token, ci, hers.ID).into(t, &made)
	create(alice.token, ci, hers.ID).want(t, "the same again", 403, api.ReasonStepUp)
	create(copied, ci, "").into(t, &fallback)
	if made.Maker != "" || fallback.Maker == "" {
		t.Errorf("made %+v, and without approval %+v", made.Token, fallback.Token)
	}

	// The person denies what they did not ask for, and ends what was copied.
	s.must(t, "POST", "/step-up/"+theirs.ID, "decision=deny", form(), s.inBrowser(alice))
	create(copied, ci, theirs.ID).want(t, "what was denied", 403, "step_up_denied")
	for _, one := range []string{copied, alice.token} {
		var me api.Me
		s.must(t, "GET", "/v1/me", nil, as(one)).into(t, &me)
		s.must(t, "DELETE", "/v1/tokens/"+me.Token, nil, as(alice.token))
	}
	s.ask(t, "GET", "/v1/me", nil, as(key(fallback.Value))).want(t, "what was made with the copied token", 401, "bad_token")
	s.must(t, "GET", "/v1/me", nil, as(key(made.Value)))
	s.people = nil // alice has signed out
}
