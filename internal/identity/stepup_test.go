package identity_test

import (
	"context"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

// revealing is a user with a reveal token and a browser.
func (f fixture) revealing(t *testing.T, name string) (u core.User, token, browser core.Actor) {
	t.Helper()
	u = f.user(t, name, "")
	token, _ = f.token(t, name, core.SecretsRead|core.SecretsReveal)
	browser, _ = f.browser(t, name)
	return u, token, browser
}

func TestStepUp(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u, token, browser := f.revealing(t, "anna")
		s := secretOf(u.Owner(), 3)
		up, err := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
		if err != nil || up.State != core.ProofPending || up.Secret != "NPM TOKEN" || up.SecretID != "sec_1" || up.Of != u.Owner() || up.Version != 3 ||
			up.ExpiresAt.Sub(up.CreatedAt) != 5*time.Minute || len(up.Code) != 9 {
			t.Fatalf("asked %+v, %v", up, err)
		}
		wantError(t, "before the approval", f.Take(t.Context(), token, up.ID, s), core.Forbidden, "step_up_pending")
		if seen, err := f.StepUp(t.Context(), browser, up.ID); err != nil || seen.Code != up.Code || seen.Secret != up.Secret {
			t.Errorf("the browser sees %+v, %v", seen, err)
		}
		time.Sleep(5*time.Minute - time.Microsecond)
		if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
			t.Fatal(err)
		}
		if seen, err := f.StepUp(t.Context(), token, up.ID); err != nil || seen.State != core.ProofApproved || seen.ExpiresAt.Sub(seen.DecidedAt) != time.Minute || seen.Approver != browser.Via.String() {
			t.Errorf("the token sees %+v, %v", seen, err)
		}
		time.Sleep(time.Minute - time.Microsecond)
		if err := f.Take(t.Context(), token, up.ID, s); err != nil {
			t.Fatal(err)
		}
		wantError(t, "a second time", f.Take(t.Context(), token, up.ID, s), core.Forbidden, "step_up_required")
		acts := f.acts(t, u)
		if got := acts[len(acts)-5:]; got[0] != "user step_up.ask ok" || got[1] != "user step_up.use failed" || got[2] != "user step_up.decide ok" || got[3] != "user step_up.use ok" || got[4] != "user step_up.use failed" {
			t.Errorf("trail %v", acts)
		}
	})
}

// A link has an id, and somebody tries it where a step-up's belongs.
func TestOtherProofsAreNoStepUps(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	p, link, _ := f.MakeLink(t.Context(), "anna", core.LinkProof)
	_, err := f.StepUp(t.Context(), browser, p.ID)
	wantError(t, "looking at it", err, core.NotFound, "expired")
	wantError(t, "approving it", f.DecideStepUp(t.Context(), browser, p.ID, true), core.NotFound, "expired")
	wantError(t, "taking it", f.Take(t.Context(), token, p.ID, secretOf(u.Owner(), 1)), core.Forbidden, "step_up_required")
	if _, _, _, err := f.SignIn(t.Context(), text(link), "", ""); err != nil {
		t.Errorf("that used it up: %v", err)
	}
}

// An approval is for one value, as it is, for whoever asked, once.
func TestAStepUpIsBound(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u, token, browser := f.revealing(t, "anna")
		o, otherToken, otherBrowser := f.revealing(t, "otto")
		second, _ := f.token(t, "anna", core.SecretsRead|core.SecretsReveal)
		s := secretOf(u.Owner(), 3)
		up, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
		wantError(t, "another user's approval", f.DecideStepUp(t.Context(), otherBrowser, up.ID, true), core.NotFound, "expired")
		_, err := f.StepUp(t.Context(), otherBrowser, up.ID)
		wantError(t, "another user's look", err, core.NotFound, "expired")
		if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
			t.Fatal(err)
		}
		wantError(t, "approving twice", f.DecideStepUp(t.Context(), browser, up.ID, true), core.Conflict, "decided")
		wantError(t, "denying it then", f.DecideStepUp(t.Context(), browser, up.ID, false), core.Conflict, "decided")
		other, renamed, moved, older := s, s, s, secretOf(u.Owner(), 2)
		other.ID, renamed.Name, moved.Owner = "sec_2", "B", o.Owner()
		newer := secretOf(u.Owner(), 4)
		for name, c := range map[string]core.Secret{"another secret": other, "another name": renamed, "another owner's": moved, "an older version": older, "a newer version": newer, "none": {}} {
			wantError(t, name, f.Take(t.Context(), token, up.ID, c), core.Forbidden, "step_up_required")
		}
		for name, a := range map[string]core.Actor{"another token": second, "the browser": browser, "another user": otherToken} {
			if err := f.Take(t.Context(), a, up.ID, s); core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s takes it: %v", name, err)
			}
		}
		for _, id := range []string{"", "stp_x", "a/b", token.Via.ID} {
			wantError(t, "the id "+id, f.Take(t.Context(), token, id, s), core.Forbidden, "step_up_required")
		}
		if err := f.Take(t.Context(), token, up.ID, s); err != nil {
			t.Errorf("all those used it up: %v", err)
		}
	})
}

func TestAStepUpIsSoonOver(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u, token, browser := f.revealing(t, "anna")
		s := secretOf(u.Owner(), 1)
		late, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
		time.Sleep(5 * time.Minute)
		wantError(t, "a late approval", f.DecideStepUp(t.Context(), browser, late.ID, true), core.NotFound, "expired")
		up, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
		if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		wantError(t, "a late use", f.Take(t.Context(), token, up.ID, s), core.Forbidden, "step_up_required")
		no, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
		if err := f.DecideStepUp(t.Context(), browser, no.ID, false); err != nil {
			t.Fatal(err)
		}
		wantError(t, "a denied one", f.Take(t.Context(), token, no.ID, s), core.Forbidden, "step_up_denied")
	})
}

// A browser that was left open asks, and whoever sits before it approves.
func TestABrowserApprovesItsOwnOnlyWhenFresh(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u := f.user(t, "anna", "")
		old, _ := f.browser(t, "anna")
		s := secretOf(u.Owner(), 1)
		time.Sleep(5*time.Minute - time.Microsecond)
		up, _ := f.AskStepUp(t.Context(), old, s, "192.0.2.7")
		if err := f.DecideStepUp(t.Context(), old, up.ID, true); err != nil {
			t.Errorf("within 5 minutes: %v", err)
		}
		if err := f.Take(t.Context(), old, up.ID, s); err != nil {
			t.Errorf("taking it: %v", err)
		}
		up, _ = f.AskStepUp(t.Context(), old, s, "192.0.2.7")
		time.Sleep(time.Microsecond)
		wantError(t, "after 5 minutes", f.DecideStepUp(t.Context(), old, up.ID, true), core.Forbidden, "sign_in_again")
		again, _ := f.browser(t, "anna")
		if err := f.DecideStepUp(t.Context(), again, up.ID, true); err != nil {
			t.Errorf("by a fresh one: %v", err)
		}
		wantError(t, "the fresh one takes it", f.Take(t.Context(), again, up.ID, s), core.Forbidden, "step_up_required")
		up, _ = f.AskStepUp(t.Context(), old, s, "192.0.2.7")
		if err := f.DecideStepUp(t.Context(), old, up.ID, false); err != nil {
			t.Errorf("denying is always open: %v", err)
		}
	})
}

// Of a person whom a proxy vouches for nobody knows when they signed in.
func TestAProxyApprovesOnlyWhatOthersAsk(t *testing.T) {
	f := newFixture(t, identity.Config{})
	a, err := f.Vouched(t.Context(), "anna", "")
	if err != nil {
		t.Fatal(err)
	}
	s := secretOf(a.Owner, 1)
	token, _ := f.token(t, "anna", core.SecretsRead|core.SecretsReveal)
	up, _ := f.AskStepUp(t.Context(), a, s, "192.0.2.7")
	wantError(t, "its own", f.DecideStepUp(t.Context(), a, up.ID, true), core.Forbidden, "sign_in_again")
	up, _ = f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if err := f.DecideStepUp(t.Context(), a, up.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := f.Take(t.Context(), token, up.ID, s); err != nil {
		t.Error(err)
	}
}

func TestWhoMayAsk(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	weak, _ := f.token(t, "anna", core.SecretsRead|core.SecretsWrite)
	boss := f.user(t, "boss", core.RoleAdmin)
	bossToken, _ := f.token(t, "boss", core.SecretsRead|core.SecretsReveal|core.AdminRead|core.AdminWrite)
	_, err := f.AskStepUp(t.Context(), weak, secretOf(u.Owner(), 1), "192.0.2.7")
	wantError(t, "without secrets:reveal", err, core.Forbidden, "scope")
	_, err = f.AskStepUp(t.Context(), token, secretOf(boss.Owner(), 1), "192.0.2.7")
	wantError(t, "another's secret", err, core.NotFound, "")
	_, err = f.AskStepUp(t.Context(), token.On(core.Org), secretOf(core.Org, 1), "192.0.2.7")
	wantError(t, "the organisation's, by a user", err, core.Forbidden, "not_admin")
	_, err = f.AskStepUp(t.Context(), token, core.Secret{Owner: u.Owner()}, "192.0.2.7")
	wantError(t, "none", err, core.NotFound, "")
	_, err = f.AskStepUp(t.Context(), core.LocalUser, secretOf(core.Local, 1), "192.0.2.7")
	wantError(t, "on one machine", err, core.Forbidden, "confirm_required")
	up, err := f.AskStepUp(t.Context(), bossToken.On(core.Org), secretOf(core.Org, 1), "192.0.2.7")
	if err != nil || up.Of != core.Org || up.UserID != boss.ID {
		t.Fatalf("the organisation's: %+v, %v", up, err)
	}
	wantError(t, "a user approves it", f.DecideStepUp(t.Context(), browser, up.ID, true), core.NotFound, "expired")
	bossBrowser, _ := f.browser(t, "boss")
	if err := f.DecideStepUp(t.Context(), bossBrowser, up.ID, true); err != nil {
		t.Fatal(err)
	}
	wantError(t, "as a user's own", f.Take(t.Context(), bossToken, up.ID, secretOf(core.Org, 1)), core.Forbidden, "step_up_required")
	if _, err := f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleUser)}, 0); err != nil {
		t.Fatal(err)
	}
	demoted := bossToken
	demoted.Admin, demoted.Scopes = false, core.SecretsRead|core.SecretsReveal
	wantError(t, "once demoted", f.Take(t.Context(), demoted.On(core.Org), up.ID, secretOf(core.Org, 1)), core.Forbidden, "not_admin")
}

// The browser that approved is signed out, or the token revoked, before the use.
func TestAStepUpEndsWithItsProofs(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	s := secretOf(u.Owner(), 1)
	other, _ := f.browser(t, "anna")
	up, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if err := firstOf(f.DecideStepUp(t.Context(), browser, up.ID, true), f.DeleteSession(t.Context(), other, browser.Via.ID)); err != nil {
		t.Fatal(err)
	}
	wantError(t, "after its browser is signed out", f.Take(t.Context(), token, up.ID, s), core.Forbidden, "step_up_required")
	up, _ = f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if err := firstOf(f.DecideStepUp(t.Context(), other, up.ID, true), f.DeleteToken(t.Context(), other, token.Via.ID)); err != nil {
		t.Fatal(err)
	}
	wantError(t, "after its token is revoked", f.Take(t.Context(), token, up.ID, s), core.Unauthenticated, "bad_token")
}

func TestOneOfManyTakesAStepUp(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	s := secretOf(u.Owner(), 1)
	up, _ := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if n := many(t, core.Conflict, "decided", func() error { return f.DecideStepUp(t.Context(), browser, up.ID, true) }); n != 1 {
		t.Errorf("%d approvals", n)
	}
	if n := many(t, core.Forbidden, "step_up_required", func() error { return f.Take(t.Context(), token, up.ID, s) }); n != 1 {
		t.Errorf("%d reveals", n)
	}
}

func TestStepUpsThatWaitAreBounded(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, token, _ := f.revealing(t, "anna")
	f.Write(t, func(ctx context.Context, tx store.Tx) error { return waiting(ctx, tx, core.StepUpProof, 10_000) })
	_, err := f.AskStepUp(t.Context(), token, secretOf(u.Owner(), 1), "192.0.2.7")
	wantError(t, "one too many", err, core.Exhausted, "too_many_pending")
}

// One user asked for ten thousand reveals within seconds, and nobody could ask for
// one for five minutes. Each has room of their own for a hundred of each purpose.
func TestOneUsersStepUpsLeaveRoomForOthers(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u, token, browser := f.revealing(t, "eve")
		o, other, _ := f.revealing(t, "otto")
		spec := identity.TokenSpec{Name: "x", Scopes: core.SecretsRead}
		asks := map[string]func() error{
			"a reveal": func() error { _, err := f.AskStepUp(t.Context(), token, secretOf(u.Owner(), 1), ""); return err },
			"a token":  func() error { _, err := f.AskToken(t.Context(), browser, spec, ""); return err },
		}
		for what, ask := range asks {
			for n := range 100 {
				if err := ask(); err != nil {
					t.Fatalf("%s, %d: %v", what, n, err)
				}
			}
			wantError(t, "the hundred and first of "+what, ask(), core.Exhausted, "too_many_pending")
		}
		up, err := f.AskStepUp(t.Context(), other, secretOf(o.Owner(), 1), "")
		if err != nil || up.State != core.ProofPending {
			t.Errorf("another user: %+v, %v", up, err)
		}
		time.Sleep(5 * time.Minute)
		for what, ask := range asks {
			if err := ask(); err != nil {
				t.Errorf("%s, once those are over: %v", what, err)
			}
		}
	})
}

// A browser that signed in long ago may not approve what it asked for; so it made
// a token, asked with that, and approved. Nor may a person whom a proxy vouches
// for, of whom nobody knows when they signed in.
func TestATokenThatRevealsTakesAFreshSignIn(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		old, _ := f.browser(t, "anna")
		vouched, err := f.Vouched(t.Context(), "vera", "")
		if err != nil {
			t.Fatal(err)
		}
		reveals := identity.TokenSpec{Name: "x", Scopes: core.SecretsRead | core.SecretsReveal}
		make := func(a core.Actor, s identity.TokenSpec) error {
			_, _, err := f.CreateToken(t.Context(), a, s)
			return err
		}
		time.Sleep(5*time.Minute - time.Microsecond)
		if err := make(old, reveals); err != nil {
			t.Errorf("within 5 minutes: %v", err)
		}
		time.Sleep(time.Microsecond)
		again, _ := f.browser(t, "anna")
		if err := make(again, reveals); err != nil {
			t.Errorf("by a fresh one: %v", err)
		}
		for name, a := range map[string]core.Actor{"after 5 minutes": old, "vouched for": vouched} {
			wantError(t, name, make(a, reveals), core.Forbidden, "sign_in_again")
			if err := make(a, identity.TokenSpec{Name: "x", Scopes: core.SecretsRead}); err != nil {
				t.Errorf("%s, one that does not reveal: %v", name, err)
			}
			up, err := f.AskToken(t.Context(), a, reveals, "")
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, name+", approving it", f.DecideStepUp(t.Context(), a, up.ID, true), core.Forbidden, "sign_in_again")
			lasting := reveals
			lasting.StepUp = up.ID
			wantError(t, name+", unapproved", make(a, lasting), core.Forbidden, "step_up_pending")
		}
	})
}
