package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

func TestSignIn(t *testing.T) {
	timed(t, identity.Config{SessionLife: time.Hour}, func(t *testing.T, f fixture) {
		u := f.user(t, "anna", "")
		p, link, err := f.MakeLink(t.Context(), "anna", core.LinkProof)
		if err != nil || p.Digest != nil || p.ExpiresAt.Sub(p.CreatedAt) != 15*time.Minute || !core.IsToken(text(link), core.LinkPrefix) {
			t.Fatalf("made %+v, %v", p, err)
		}
		time.Sleep(15*time.Minute - time.Microsecond)
		s, cookie, who, err := f.SignIn(t.Context(), text(link), "Evil\u202e\x1b[2J  Browser"+strings.Repeat("x", 500), "192.0.2.1")
		if err != nil || who.ID != u.ID || s.UserID != u.ID || s.Digest != nil || s.ExpiresAt.Sub(s.CreatedAt) != time.Hour {
			t.Fatalf("signed in %+v as %+v, %v", s, who, err)
		}
		if !strings.HasPrefix(s.Agent, "Evil [2J Browser") || len(s.Agent) > 200 || strings.ContainsAny(s.Agent, "\x1b\u202e") {
			t.Errorf("agent %q", s.Agent)
		}
		a, _, err := f.Browser(t.Context(), text(cookie))
		if err != nil || a.Via.ID != s.ID {
			t.Errorf("actor %+v, %v", a, err)
		}
		wantActs(t, f, u, "system login.link ok", "system login.grant ok")
		for _, e := range f.trail(t) {
			if all := fmt.Sprint(e); strings.Contains(all, text(link)[4:]) || strings.Contains(all, text(cookie)[4:]) {
				t.Errorf("entry with a proof: %+v", e)
			}
		}
	})
}

// Nobody may learn from an answer whether a link ever was one.
func TestLinksThatAreNotGoodAreAlike(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		make := func(kind core.ProofKind) string {
			_, l, err := f.MakeLink(t.Context(), "anna", kind)
			if err != nil {
				t.Fatal(err)
			}
			return text(l)
		}
		used, over, code := make(core.LinkProof), make(core.LinkProof), make(core.CodeProof)
		if _, _, _, err := f.SignIn(t.Context(), used, "", ""); err != nil {
			t.Fatal(err)
		}
		usedCode := make(core.CodeProof)
		if _, err := f.Login(t.Context(), identity.LoginRequest{Code: usedCode}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		link := make(core.LinkProof)
		late := make(core.LinkProof)
		for name, l := range map[string]string{"used": used, "over": over, "a code": make(core.CodeProof), "unknown": text(core.NewToken(core.LinkPrefix)), "none": "", "changed": late[:len(late)-1]} {
			_, _, _, err := f.SignIn(t.Context(), l, "", "")
			wantError(t, name, err, core.Unauthenticated, "bad_link")
			_, _, _, first := f.SignIn(t.Context(), "kfo_", "", "")
			sameError(t, name, err, first)
		}
		for name, r := range map[string]identity.LoginRequest{
			"used": {Code: usedCode}, "over": {Code: code}, "a link": {Code: link}, "unknown": {Code: text(core.NewToken(core.LinkPrefix))}, "no code": {Code: "x"},
			"unknown device": {DeviceCode: text(core.NewToken(core.DevicePrefix))}, "a link as device": {DeviceCode: link}, "no device": {DeviceCode: "x"},
		} {
			_, err := f.Login(t.Context(), r)
			wantError(t, name, err, core.Unauthenticated, "expired_token")
			_, first := f.Login(t.Context(), identity.LoginRequest{Code: "kfo_"})
			sameError(t, name, err, first)
		}
		if _, _, _, err := f.SignIn(t.Context(), link, "", ""); err != nil {
			t.Errorf("trying a link as a code used it up: %v", err)
		}
	})
}

func TestMakeLinkRefuses(t *testing.T) {
	f := newFixture(t, identity.Config{})
	for _, k := range []core.ProofKind{"", core.DeviceProof, core.StepUpProof} {
		_, _, err := f.MakeLink(t.Context(), "local", k)
		wantError(t, string(k), err, core.Invalid, "")
	}
	_, _, err := f.MakeLink(t.Context(), "nobody", core.LinkProof)
	wantError(t, "nobody", err, core.NotFound, "")
}

func many(t *testing.T, code core.Code, reason string, fn func() error) int {
	t.Helper()
	return guardtest.Many(t, code, reason, func(int) error { return fn() })
}

// A link was forwarded and two people follow it at once: one is signed in.
func TestOneOfManyUsesALink(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u := f.user(t, "anna", "")
	_, link, _ := f.MakeLink(t.Context(), "anna", core.LinkProof)
	n := many(t, core.Unauthenticated, "bad_link", func() error {
		_, _, _, err := f.SignIn(t.Context(), text(link), "", "")
		return err
	})
	if n != 1 {
		t.Errorf("%d browsers are signed in", n)
	}
	_, code, _ := f.MakeLink(t.Context(), "anna", core.CodeProof)
	n = many(t, core.Unauthenticated, "expired_token", func() error {
		_, err := f.Login(t.Context(), identity.LoginRequest{Code: text(code)})
		return err
	})
	if n != 1 {
		t.Errorf("%d command lines are signed in", n)
	}
	a, _ := f.browser(t, "anna")
	grant, _ := f.StartDevice(t.Context(), "laptop")
	n = many(t, core.NotFound, "bad_code", func() error {
		err := f.DecideDevice(t.Context(), a, grant.UserCode, true)
		if core.CodeOf(err) == core.Exhausted { // the losers are guesses
			return core.Errorf(core.NotFound, "x").WithReason("bad_code").WithHint("x")
		}
		return err
	})
	if n != 1 {
		t.Errorf("%d approvals", n)
	}
	n = many(t, core.Unauthenticated, "expired_token", func() error {
		_, err := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(grant.DeviceCode)})
		return err
	})
	if n != 1 {
		t.Errorf("%d logins", n)
	}
	err := f.Store.View(t.Context(), func(tx store.Tx) error {
		s, err := tx.Sessions().List(t.Context(), u.ID)
		k, err2 := tx.Tokens().List(t.Context(), u.ID)
		if len(s) != 2 || len(k) != 4 {
			t.Errorf("%d sessions and %d tokens", len(s), len(k))
		}
		return firstOf(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// What an administrator reveals may be the organisation's, and no more than that.
func TestLoginOfAnAdministrator(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		if err := f.EnsureFirst(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, code, err := f.MakeLink(t.Context(), core.Local.ID, core.CodeProof)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Login(t.Context(), identity.LoginRequest{Code: text(code)})
		if err != nil || r.Reveal.Scopes != core.SecretsRead|core.SecretsReveal|core.AdminRead || r.Token.Scopes != core.AllScopes&^core.SecretsReveal {
			t.Errorf("%v and %v, %v", r.Reveal.Scopes.Names(), r.Token.Scopes.Names(), err)
		}
	})
}

func TestLoginByDevice(t *testing.T) {
	timed(t, identity.Config{TokenLife: day}, func(t *testing.T, f fixture) {
		u := f.user(t, "anna", "")
		a, _ := f.browser(t, "anna")
		grant, err := f.StartDevice(t.Context(), "keyfob on\u202e\n laptop")
		if err != nil || grant.ExpiresIn != 10*time.Minute || grant.Interval != 5*time.Second || len(grant.UserCode) != 9 || grant.UserCode[4] != '-' {
			t.Fatalf("grant %+v, %v", grant, err)
		}
		ask := identity.LoginRequest{DeviceCode: text(grant.DeviceCode)}
		poll := func() error {
			_, err := f.Login(t.Context(), ask)
			return err
		}
		wantError(t, "the first question", poll(), core.Forbidden, "authorization_pending")
		err = poll()
		wantError(t, "the next at once", err, core.Exhausted, "slow_down")
		if err.(*core.Error).RetryAfter != 5*time.Second {
			t.Errorf("wait %s", err.(*core.Error).RetryAfter)
		}
		time.Sleep(5 * time.Second)
		wantError(t, "one in time", poll(), core.Forbidden, "authorization_pending")
		p, err := f.Device(t.Context(), a, strings.ToLower(grant.UserCode))
		if err != nil || p.Requester != "keyfob on laptop" || p.Digest != nil || p.UserCode != nil {
			t.Errorf("shown %+v, %v", p, err)
		}
		if err := f.DecideDevice(t.Context(), a, " "+strings.ReplaceAll(grant.UserCode, "-", " "), true); err != nil {
			t.Fatal(err)
		}
		r, err := f.Login(t.Context(), ask)
		if err != nil || r.User.ID != u.ID || r.Token.Digest != nil || r.Reveal.Digest != nil {
			t.Fatalf("login %+v, %v", r, err)
		}
		if r.Token.Name != "keyfob on laptop" || r.Token.ExpiresAt.Sub(r.Token.CreatedAt) != day || r.Token.Scopes != core.AllScopes&^(core.SecretsReveal|core.AdminRead|core.AdminWrite) {
			t.Errorf("token %+v %v", r.Token, r.Token.Scopes.Names())
		}
		if r.Reveal.Name != "keyfob on laptop (reveal)" || r.Reveal.Scopes != core.SecretsRead|core.SecretsReveal {
			t.Errorf("reveal %+v %v", r.Reveal, r.Reveal.Scopes.Names())
		}
		for _, s := range []string{text(r.TokenText), text(r.RevealText)} {
			if who, err := f.Bearer(t.Context(), s); err != nil || who.ID != u.ID {
				t.Errorf("bearer %+v, %v", who, err)
			}
		}
		wantError(t, "asking again", poll(), core.Unauthenticated, "expired_token")
		wantActs(t, f, u, "system login.link ok", "system login.grant ok", "user login.decide ok", "system login.grant ok")
	})
}

func TestAnAdministratorsLoginHasTheirScopes(t *testing.T) {
	f := newFixture(t, identity.Config{})
	_, code, _ := f.MakeLink(t.Context(), "local", core.CodeProof)
	r, err := f.Login(t.Context(), identity.LoginRequest{Code: text(code), Client: "x"})
	if err != nil || r.Token.Scopes != core.AllScopes&^core.SecretsReveal || r.Token.Name != "x" {
		t.Errorf("login %+v, %v", r, err)
	}
}

func TestLoginsThatAreDeniedOrTooLate(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		a, _ := f.browser(t, "anna")
		no, _ := f.StartDevice(t.Context(), "")
		if err := f.DecideDevice(t.Context(), a, no.UserCode, false); err != nil {
			t.Fatal(err)
		}
		_, err := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(no.DeviceCode)})
		wantError(t, "a denied one", err, core.Forbidden, "access_denied")
		wantError(t, "approving it then", f.DecideDevice(t.Context(), a, no.UserCode, true), core.NotFound, "bad_code")
		late, _ := f.StartDevice(t.Context(), "")
		if p, err := f.Device(t.Context(), a, late.UserCode); err != nil || p.Requester != "a command line" {
			t.Errorf("shown %+v, %v", p, err)
		}
		yes, _ := f.StartDevice(t.Context(), "")
		if err := f.DecideDevice(t.Context(), a, yes.UserCode, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		for _, g := range []identity.DeviceGrant{late, yes} {
			_, err = f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(g.DeviceCode)})
			wantError(t, "one that is over", err, core.Unauthenticated, "expired_token")
		}
		wantError(t, "approving it then", f.DecideDevice(t.Context(), a, late.UserCode, true), core.NotFound, "bad_code")
		for _, r := range []identity.LoginRequest{{}, {DeviceCode: "a", Code: "b"}} {
			_, err = f.Login(t.Context(), r)
			wantError(t, "not just one code", err, core.Invalid, "")
		}
	})
}

// Somebody sees a login that they did not begin, and signs the browser out before
// the command line fetches its tokens.
func TestAnApprovalEndsWithItsBrowser(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	a, _ := f.browser(t, "anna")
	b, _ := f.browser(t, "anna")
	grant, _ := f.StartDevice(t.Context(), "")
	if err := f.DecideDevice(t.Context(), a, grant.UserCode, true); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteSession(t.Context(), b, a.Via.ID); err != nil {
		t.Fatal(err)
	}
	_, err := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(grant.DeviceCode)})
	wantError(t, "the login", err, core.Unauthenticated, "expired_token")
	if list, _ := f.Tokens(t.Context(), b); len(list) != 0 {
		t.Errorf("tokens %+v", list)
	}
}

// Only what a browser or a proxy approved is good, whatever stands in the store.
func TestAnApprovalByNobodyIsNone(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u := f.user(t, "anna", "")
	for n, approver := range []string{"", "local", "token:tok_1", "browser:", "proxy:x"} {
		code := core.NewToken(core.DevicePrefix)
		f.Write(t, func(ctx context.Context, tx store.Tx) error {
			return tx.Proofs().Create(ctx, core.Proof{
				ID: fmt.Sprint("p", n), Kind: core.DeviceProof, Digest: core.TokenDigest(text(code)), UserID: u.ID,
				State: core.ProofApproved, Approver: approver, ExpiresAt: time.Now().Add(time.Minute),
			})
		})
		_, err := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(code)})
		wantError(t, "approved by "+approver, err, core.Unauthenticated, "expired_token")
	}
}

// A token that was copied must not bring forth anything that outlives it or shows
// more than it may: no approval of a login, of a step-up, whatever its scopes are.
func TestATokenMintsNoSecondProof(t *testing.T) {
	f := newFixture(t, identity.Config{Launchers: []identity.Launcher{launcher("tf", "*")}})
	u := f.user(t, "boss", core.RoleAdmin)
	strong, _ := f.token(t, "boss", core.AllScopes&^core.SecretsReveal)
	reveal, _ := f.token(t, "boss", core.SecretsRead|core.SecretsReveal)
	forged := strong
	forged.Scopes = core.AllScopes
	tf, _ := f.Bearer(t.Context(), launcherKey("tf"))
	workspace := core.Actor{Kind: core.WorkspaceActor, ID: "wsp_1", Owner: u.Owner(), Via: core.Via{Kind: core.ViaBrowser}}
	grant, _ := f.StartDevice(t.Context(), "")
	up, err := f.AskStepUp(t.Context(), reveal, secretOf(u.Owner(), 1), "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]core.Actor{"strong": strong, "reveal": reveal, "forged": forged, "launcher": tf.On(u.Owner()), "workspace": workspace, "local": core.LocalUser} {
		_, err := f.Device(t.Context(), a, grant.UserCode)
		wantError(t, name+" looks", err, core.Forbidden, "browser_required")
		wantError(t, name+" approves a login", f.DecideDevice(t.Context(), a, grant.UserCode, true), core.Forbidden, "browser_required")
		wantError(t, name+" approves a step-up", f.DecideStepUp(t.Context(), a, up.ID, true), core.Forbidden, "browser_required")
	}
	recorded := 0
	for _, e := range f.trail(t) {
		if (e.Action == guard.LoginDecide || e.Action == guard.StepUpDecide) && (e.Outcome == guard.Denied || e.Outcome == guard.Failed) {
			recorded++
		}
	}
	if recorded != 18 {
		t.Errorf("%d of 18 attempts are in the trail", recorded)
	}
	_, err = f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(grant.DeviceCode)})
	wantError(t, "the login", err, core.Forbidden, "authorization_pending")
	if s, err := f.StepUp(t.Context(), reveal, up.ID); err != nil || s.State != core.ProofPending {
		t.Errorf("the step-up %+v, %v", s, err)
	}
}

func TestLoginsThatWaitAreBounded(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.Write(t, func(ctx context.Context, tx store.Tx) error { return waiting(ctx, tx, core.DeviceProof, 999) })
		if _, err := f.StartDevice(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		_, err := f.StartDevice(t.Context(), "")
		wantError(t, "one too many", err, core.Exhausted, "too_many_pending")
		time.Sleep(10 * time.Minute)
		if _, err := f.StartDevice(t.Context(), ""); err != nil {
			t.Errorf("once they are over: %v", err)
		}
	})
}

func waiting(ctx context.Context, tx store.Tx, k core.ProofKind, n int) error {
	for i := range n {
		err := tx.Proofs().Create(ctx, core.Proof{
			ID: fmt.Sprint("w", i), Kind: k, State: core.ProofPending, ExpiresAt: time.Now().Add(10 * time.Minute),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Somebody who is signed in tries codes, so as to see or deny others' logins.
func TestGuessesOfUserCodesAreSlowed(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "mallory", "")
		f.user(t, "anna", "")
		mallory, _ := f.browser(t, "mallory")
		anna, _ := f.browser(t, "anna")
		grant, _ := f.StartDevice(t.Context(), "")
		for n := range 10 {
			var err error
			if n%2 == 0 {
				_, err = f.Device(t.Context(), mallory, "BBBB-BBBB")
			} else {
				err = f.DecideDevice(t.Context(), mallory, "BBBBBBBC", true)
			}
			wantError(t, "a guess", err, core.NotFound, "bad_code")
		}
		_, err := f.Device(t.Context(), mallory, grant.UserCode)
		wantError(t, "the right one, too late", err, core.Exhausted, "too_many_attempts")
		other, _ := f.browser(t, "mallory")
		wantError(t, "by another browser", f.DecideDevice(t.Context(), other, grant.UserCode, true), core.Exhausted, "too_many_attempts")
		if err := f.DecideDevice(t.Context(), anna, grant.UserCode, true); err != nil {
			t.Errorf("anna: %v", err)
		}
	})
}

func TestUserCodesAreEvenlySpread(t *testing.T) {
	f := newFixture(t, identity.Config{})
	seen, letters := map[string]bool{}, map[rune]int{}
	for range 200 {
		g, err := f.StartDevice(t.Context(), "")
		if err != nil || seen[g.UserCode] {
			t.Fatalf("%s again, %v", g.UserCode, err)
		}
		if code, ok := identity.ParseUserCode(g.UserCode); !ok || code != strings.ReplaceAll(g.UserCode, "-", "") {
			t.Errorf("%s is read as %q", g.UserCode, code)
		}
		seen[g.UserCode] = true
		for _, r := range g.UserCode {
			letters[r]++
		}
	}
	delete(letters, '-')
	for r, n := range letters { // each has 80 on average
		if n < 30 || n > 160 {
			t.Errorf("%c stands %d times", r, n)
		}
	}
	if len(letters) != 20 {
		t.Errorf("%d letters", len(letters))
	}
}
