package identity_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

// loggedIn is a user with a browser and a login's token, as keyfob login has them.
func (f fixture) loggedIn(t *testing.T, name string) (u core.User, login, browser core.Actor) {
	t.Helper()
	u = f.user(t, name, "")
	_, code, err := f.MakeLink(t.Context(), name, core.CodeProof)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Login(t.Context(), identity.LoginRequest{Code: text(code), Client: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	if login, err = f.Bearer(t.Context(), text(got.TokenText)); err != nil {
		t.Fatal(err)
	}
	browser, _ = f.browser(t, name)
	return u, login, browser
}

// ci is what a person makes for a program.
func ci() identity.TokenSpec {
	return identity.TokenSpec{Name: "ci of ours", Scopes: core.SecretsRead | core.WorkspacesKeys, Life: 90 * day}
}

// approvedFor asks for a token by this actor, and has the browser approve it.
func (f fixture) approvedFor(t *testing.T, a, browser core.Actor, spec identity.TokenSpec) identity.TokenSpec {
	t.Helper()
	up, err := f.AskToken(t.Context(), a, spec, "192.0.2.9")
	if err == nil {
		err = f.DecideStepUp(t.Context(), browser, up.ID, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	spec.StepUp = up.ID
	return spec
}

func TestATokenThatLasts(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u, login, browser := f.loggedIn(t, "anna")
		up, err := f.AskToken(t.Context(), login, ci(), "192.0.2.9")
		if err != nil || up.Kind != core.TokenProof || up.Token != ci() || up.By != login.Via.String() || up.From != "192.0.2.9" || len(up.Code) != 9 ||
			up.Until.Sub(up.CreatedAt) != 90*day || up.ExpiresAt.Sub(up.CreatedAt) != 5*time.Minute {
			t.Fatalf("asked %+v, %v", up, err)
		}
		spec := ci()
		spec.StepUp = up.ID
		_, _, err = f.CreateToken(t.Context(), login, spec)
		wantError(t, "before the approval", err, core.Forbidden, "step_up_pending")
		time.Sleep(4 * time.Minute)
		if seen, err := f.StepUp(t.Context(), browser, up.ID); err != nil || seen.Token != ci() || seen.Code != up.Code || !seen.Until.Equal(up.Until) {
			t.Errorf("the browser sees %+v, %v", seen, err)
		}
		if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Microsecond)
		made, shown, err := f.CreateToken(t.Context(), login, spec)
		if err != nil || made.Maker != "" || !made.ExpiresAt.Equal(up.Until) || made.Scopes != spec.Scopes || made.Name != spec.Name {
			t.Fatalf("made %+v, %v", made, err)
		}
		_, _, err = f.CreateToken(t.Context(), login, spec)
		wantError(t, "a second time", err, core.Forbidden, "step_up_required")
		f.wantTrailOfLasting(t, u, browser, up.ID)
		if err := f.DeleteToken(t.Context(), login, login.Via.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Bearer(t.Context(), text(shown)); err != nil {
			t.Errorf("it ended with its login: %v", err)
		}
		time.Sleep(time.Until(up.Until))
		_, err = f.Bearer(t.Context(), text(shown))
		wantError(t, "at its end", err, core.Unauthenticated, "expired")
	})
}

// wantTrailOfLasting wants the trail to say who asked, that a browser approved
// which token, and that this approval made it.
func (f fixture) wantTrailOfLasting(t *testing.T, u core.User, browser core.Actor, id string) {
	t.Helper()
	found := map[string]core.AuditEntry{}
	for _, e := range f.trail(t) {
		if e.Owner == u.Owner() && e.Outcome == guard.OK && e.Detail["step_up"] == id {
			found[e.Action] = e
		}
	}
	ask, decide, made := found[guard.TokenAsk], found[guard.TokenDecide], found[guard.TokenCreate]
	same := map[string]string{"name": "ci of ours", "scopes": ask.Detail["scopes"], "expires": ask.Detail["expires"]}
	for what, e := range map[string]core.AuditEntry{"asking": ask, "deciding": decide, "making": made} {
		got := maps.Clone(e.Detail)
		maps.DeleteFunc(got, func(k, _ string) bool { return same[k] == "" })
		if !maps.Equal(got, same) || !strings.Contains(got["scopes"], "workspaces:keys") {
			t.Errorf("of %s the trail says %v", what, e.Detail)
		}
	}
	by := browser.Via.String()
	if decide.Detail["via"] != by || decide.Detail["approved"] != "true" || decide.Detail["asked_by"] != ask.Detail["via"] {
		t.Errorf("the trail says of deciding %v", decide.Detail)
	}
	if made.Detail["approved_by"] != by || made.Detail["via"] != ask.Detail["via"] || !strings.HasPrefix(made.Detail["via"], "token:tok_") {
		t.Errorf("the trail says of making %v", made.Detail)
	}
}

// An approval is for one token as it was shown, for whoever asked, once. Whoever
// has a copy of another of the user's tokens, or of the same, wants it for more.
func TestTheApprovalOfATokenIsBound(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, login, browser := f.loggedIn(t, "anna")
	_, othersLogin, othersBrowser := f.loggedIn(t, "otto")
	second, _ := f.token(t, "anna", core.SecretsRead|core.WorkspacesKeys|core.TokensWrite)
	up, err := f.AskToken(t.Context(), login, ci(), "")
	if err != nil || up.From != "" {
		t.Fatalf("%+v %v", up, err)
	}
	wantError(t, "another user's approval", f.DecideStepUp(t.Context(), othersBrowser, up.ID, true), core.NotFound, "expired")
	wantError(t, "its own approval", f.DecideStepUp(t.Context(), login, up.ID, true), core.Forbidden, "browser_required")
	wantError(t, "another token's approval", f.DecideStepUp(t.Context(), second, up.ID, true), core.Forbidden, "browser_required")
	if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
		t.Fatal(err)
	}
	create := func(a core.Actor, change func(*identity.TokenSpec)) error {
		spec := ci()
		spec.StepUp = up.ID
		change(&spec)
		_, _, err := f.CreateToken(t.Context(), a, spec)
		return err
	}
	for what, change := range map[string]func(*identity.TokenSpec){
		"another name":        func(s *identity.TokenSpec) { s.Name = "ci of theirs" },
		"a part of the name":  func(s *identity.TokenSpec) { s.Name = "ci" },
		"a longer life":       func(s *identity.TokenSpec) { s.Life += time.Second },
		"a shorter life":      func(s *identity.TokenSpec) { s.Life -= time.Second },
		"the usual life":      func(s *identity.TokenSpec) { s.Life = 0 },
		"a scope more":        func(s *identity.TokenSpec) { s.Scopes |= core.AccountsRead },
		"a scope less":        func(s *identity.TokenSpec) { s.Scopes = core.SecretsRead },
		"another scope":       func(s *identity.TokenSpec) { s.Scopes = core.SecretsRead | core.TokensWrite },
		"the code":            func(s *identity.TokenSpec) { s.StepUp = up.Code },
		"an id of nothing":    func(s *identity.TokenSpec) { s.StepUp = "tap_none" },
		"an id with a break":  func(s *identity.TokenSpec) { s.StepUp += "\n" },
		"the id of its token": func(s *identity.TokenSpec) { s.StepUp = login.Via.ID },
	} {
		wantError(t, what, create(login, change), core.Forbidden, "step_up_required")
	}
	as := func(*identity.TokenSpec) {}
	for what, a := range map[string]core.Actor{"another token": second, "the browser": browser, "another user": othersLogin} {
		wantError(t, what, create(a, as), core.Forbidden, "step_up_required")
	}
	wantError(t, "a reveal", f.Take(t.Context(), login.On(u.Owner()), up.ID, secretOf(u.Owner(), 0)), core.Forbidden, "step_up_required")
	if err := create(login, as); err != nil {
		t.Errorf("all those used it up: %v", err)
	}
}

// The approval of a reveal is none of a token, however alike.
func TestTheApprovalOfARevealMakesNoToken(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u := f.user(t, "anna", "")
	token, _ := f.token(t, "anna", core.SecretsRead|core.SecretsReveal|core.TokensWrite)
	browser, _ := f.browser(t, "anna")
	s := core.Secret{ID: "720h0m0s", Owner: u.Owner(), Name: "ci", Version: 1}
	up, err := f.AskStepUp(t.Context(), token, s, "")
	if err := firstOf(err, f.DecideStepUp(t.Context(), browser, up.ID, true)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{up.ID, "tap" + strings.TrimPrefix(up.ID, "stp")} {
		_, _, err = f.CreateToken(t.Context(), token, identity.TokenSpec{Name: "ci", Scopes: core.SecretsRead, Life: 30 * day, StepUp: id})
		wantError(t, "a token by "+id, err, core.Forbidden, "step_up_required")
	}
	if err := f.Take(t.Context(), token, up.ID, s); err != nil {
		t.Errorf("that used it up: %v", err)
	}
}

func TestTheApprovalOfATokenIsSoonOver(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		_, login, browser := f.loggedIn(t, "anna")
		up, _ := f.AskToken(t.Context(), login, ci(), "")
		time.Sleep(5 * time.Minute)
		wantError(t, "a late approval", f.DecideStepUp(t.Context(), browser, up.ID, true), core.NotFound, "expired")
		spec := f.approvedFor(t, login, browser, ci())
		time.Sleep(time.Minute)
		_, _, err := f.CreateToken(t.Context(), login, spec)
		wantError(t, "a late use", err, core.Forbidden, "step_up_required")
		no, _ := f.AskToken(t.Context(), login, ci(), "")
		if err := f.DecideStepUp(t.Context(), browser, no.ID, false); err != nil {
			t.Fatal(err)
		}
		spec.StepUp = no.ID
		_, _, err = f.CreateToken(t.Context(), login, spec)
		wantError(t, "a denied one", err, core.Forbidden, "step_up_denied")
		short := ci()
		short.Life = 10 * time.Second
		spec = f.approvedFor(t, login, browser, short)
		time.Sleep(short.Life)
		_, _, err = f.CreateToken(t.Context(), login, spec)
		wantError(t, "of a token that is over", err, core.Forbidden, "step_up_required")
		browserOwn, _ := f.AskToken(t.Context(), browser, ci(), "")
		wantError(t, "a browser's own, later", f.DecideStepUp(t.Context(), browser, browserOwn.ID, true), core.Forbidden, "sign_in_again")
	})
}

// What was approved for somebody who has lost it since is not made.
func TestTheApprovalOfATokenEndsWithItsProofs(t *testing.T) {
	f := newFixture(t, identity.Config{})
	_, login, browser := f.loggedIn(t, "anna")
	other, _ := f.browser(t, "anna")
	create := func(spec identity.TokenSpec) error {
		_, _, err := f.CreateToken(t.Context(), login, spec)
		return err
	}
	spec := f.approvedFor(t, login, browser, ci())
	if err := f.DeleteSession(t.Context(), other, browser.Via.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, "after its browser is signed out", create(spec), core.Forbidden, "step_up_required")
	spec = f.approvedFor(t, login, other, ci())
	if err := f.DeleteToken(t.Context(), other, login.Via.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, "after the login is revoked", create(spec), core.Unauthenticated, "bad_token")

	u, login, browser := f.loggedIn(t, "otto")
	made, shown, err := f.CreateToken(t.Context(), login, f.approvedFor(t, login, browser, ci()))
	if err != nil {
		t.Fatal(err)
	}
	spec = f.approvedFor(t, login, browser, ci())
	f.disable(t, u.Name)
	_, _, err = f.CreateToken(t.Context(), login, spec)
	wantError(t, "of somebody who is disabled", err, core.Unauthenticated, "user_disabled")
	if _, err := f.Bearer(t.Context(), text(shown)); err == nil {
		t.Errorf("%s outlived its user", made.ID)
	}
}

func TestWhoMayAskForATokenThatLasts(t *testing.T) {
	f := newFixture(t, identity.Config{})
	_, login, _ := f.loggedIn(t, "anna")
	_, bossLogin, bossBrowser := f.loggedIn(t, "boss")
	reader, _ := f.token(t, "anna", core.SecretsRead)
	few, _ := f.token(t, "anna", core.TokensWrite|core.SecretsRead)
	ask := func(a core.Actor, s core.Scopes) error {
		_, err := f.AskToken(t.Context(), a, identity.TokenSpec{Name: "ci", Scopes: s}, "")
		return err
	}
	wantError(t, "without tokens:write", ask(reader, core.SecretsRead), core.Forbidden, "scope")
	wantError(t, "with more than it has", ask(few, core.SecretsRead|core.AccountsRead), core.Forbidden, "scope")
	wantError(t, "to reveal, by a login", ask(login, core.SecretsReveal), core.Forbidden, "scope")
	wantError(t, "an administrator's, by a user", ask(login, core.AdminRead), core.Forbidden, "scope")
	wantError(t, "what does not stand together", ask(login, core.SecretsReveal|core.WorkspacesKeys), core.Invalid, "scopes_exclude")
	wantError(t, "none", ask(login, 0), core.Invalid, "")
	wantError(t, "on one machine", ask(core.LocalUser, core.SecretsRead), core.Forbidden, "no_step_up")
	if _, err := f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleAdmin)}, 0); err != nil {
		t.Fatal(err)
	}
	bossToken, _ := f.token(t, "boss", core.TokensWrite|core.AdminRead)
	spec := f.approvedFor(t, bossToken, bossBrowser, identity.TokenSpec{Name: "ci", Scopes: core.AdminRead, Life: day})
	if _, err := f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleUser)}, 0); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.CreateToken(t.Context(), bossToken, spec)
	wantError(t, "by somebody who is no administrator any more", err, core.Forbidden, "scope")
	f.Write(t, func(ctx context.Context, tx store.Tx) error { return waiting(ctx, tx, core.TokenProof, 10_000) })
	wantError(t, "one too many", ask(bossLogin, core.SecretsRead), core.Exhausted, "too_many_pending")
}

func TestOneOfManyMakesTheTokenThatWasApproved(t *testing.T) {
	f := newFixture(t, identity.Config{})
	_, login, browser := f.loggedIn(t, "anna")
	spec := f.approvedFor(t, login, browser, ci())
	if n := many(t, core.Forbidden, "step_up_required", func() error { _, _, err := f.CreateToken(t.Context(), login, spec); return err }); n != 1 {
		t.Errorf("%d tokens", n)
	}
}
