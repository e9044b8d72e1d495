package identity_test

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
)

func TestBearer(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u := f.user(t, "anna", "")
		a, token := f.token(t, "anna", core.SecretsRead|core.TokensRead)
		if a.Kind != core.UserActor || a.ID != u.ID || a.Owner != u.Owner() || a.Admin || a.Scopes != core.SecretsRead|core.TokensRead ||
			a.Via.Kind != core.ViaToken || !strings.HasPrefix(a.Via.ID, "tok_") {
			t.Errorf("actor %+v", a)
		}
		if err := f.Still(t.Context(), a); err != nil {
			t.Errorf("not good any more: %v", err)
		}
		time.Sleep(30*day - time.Microsecond)
		if _, err := f.Bearer(t.Context(), token); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Microsecond)
		_, err := f.Bearer(t.Context(), token)
		wantError(t, "an expired token", err, core.Unauthenticated, "expired")
		wantError(t, "an expired actor", f.Still(t.Context(), a), core.Unauthenticated, "expired")
	})
}

func TestBearerRefuses(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	_, token := f.token(t, "anna", core.SecretsRead)
	_, cookie := f.browser(t, "anna")
	_, link, _ := f.MakeLink(t.Context(), "anna", core.LinkProof)
	for name, s := range map[string]string{
		"nothing": "", "a well-formed one": text(core.NewToken(core.PersonalPrefix)), "a launcher's": text(core.NewToken(core.LauncherPrefix)),
		"a cookie": cookie, "a link": text(link), "a prefix": "kfp_", "a changed one": token[:len(token)-1] + "!", "a longer one": token + "a",
		"its digest": string(core.TokenDigest(token)), "another prefix": "kfl_" + token[4:], "a session key": text(core.NewToken(core.SessionKeyPrefix)),
	} {
		_, err := f.Bearer(t.Context(), s)
		wantError(t, name, err, core.Unauthenticated, "bad_token")
	}
	for name, s := range map[string]string{"nothing": "", "a token": token, "a link": text(link), "a well-formed one": text(core.NewToken(core.BrowserPrefix))} {
		_, _, err := f.Browser(t.Context(), s)
		wantError(t, name, err, core.Unauthenticated, "bad_session")
	}
}

func TestBrowser(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		a, cookie := f.browser(t, "anna")
		if a.Admin || a.Scopes != core.AllScopes&^(core.AdminRead|core.AdminWrite) || a.Via.Kind != core.ViaBrowser {
			t.Errorf("actor %+v", a)
		}
		if _, s, _ := f.Browser(t.Context(), cookie); s.ID != a.Via.ID || s.Digest != nil || s.Agent != "Browser/1" || s.Address != "192.0.2.7" {
			t.Errorf("session %+v", s)
		}
		time.Sleep(12*time.Hour - time.Microsecond)
		if _, _, err := f.Browser(t.Context(), cookie); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Microsecond)
		_, _, err := f.Browser(t.Context(), cookie)
		wantError(t, "an expired session", err, core.Unauthenticated, "expired")
		wantError(t, "an expired actor", f.Still(t.Context(), a), core.Unauthenticated, "expired")
	})
}

// An administrator made a token with an administrator's scopes and is none any
// more. The token still says admin:write; what counts is the role now.
func TestADemotedAdministratorsTokenLosesItsScopesAtOnce(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "boss", core.RoleAdmin)
	a, token := f.token(t, "boss", core.AdminRead|core.AdminWrite|core.SecretsRead)
	if !a.Admin || !a.Scopes.Has(core.AdminWrite) {
		t.Fatalf("actor %+v", a)
	}
	if _, err := f.Users(t.Context(), a.On(core.Org), first); err != nil {
		t.Fatal(err)
	}
	if _, err := f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleUser)}, 0); err != nil {
		t.Fatal(err)
	}
	a, err := f.Bearer(t.Context(), token)
	if err != nil || a.Admin || a.Scopes != core.SecretsRead {
		t.Fatalf("actor %+v, %v", a, err)
	}
	_, err = f.Users(t.Context(), a.On(core.Org), first)
	wantError(t, "listing users", err, core.Forbidden, "not_admin")
}

func TestARoleGivesNoScopesToATokenThatHasNone(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	_, token := f.token(t, "anna", core.SecretsRead)
	if _, err := f.UpdateUser(t.Context(), org, "anna", identity.Edit{Role: to(core.RoleAdmin)}, 0); err != nil {
		t.Fatal(err)
	}
	a, err := f.Bearer(t.Context(), token)
	if err != nil || a.Scopes != core.SecretsRead {
		t.Errorf("actor %+v, %v", a, err)
	}
}

func TestSelf(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u := f.user(t, "anna", "")
	a, _ := f.token(t, "anna", core.SecretsRead)
	if got, err := f.Self(t.Context(), a); err != nil || got.ID != u.ID || got.Name != "anna" {
		t.Errorf("self %+v, %v", got, err)
	}
	if got, err := f.Self(t.Context(), org); err != nil || got.ID != "local" || got.Role != core.RoleAdmin || got.Version != 1 {
		t.Errorf("self %+v, %v", got, err)
	}
	if _, err := f.Self(t.Context(), core.Actor{Kind: core.WorkspaceActor, ID: u.ID, Owner: u.Owner()}); core.CodeOf(err) != core.Forbidden {
		t.Errorf("a workspace: %v", err)
	}
	if _, err := f.Self(t.Context(), core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner()}); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("an actor that shows nothing: %v", err)
	}
}

func TestOneMachineWithoutAServerHasItsUser(t *testing.T) {
	k := guardtest.New(t)
	i, err := identity.New(identity.Config{Guard: k.Guard, Store: k.Store})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := i.Self(t.Context(), core.LocalUser); err != nil || u.Name != "local" || u.Version != 0 {
		t.Errorf("self %+v, %v", u, err)
	}
	if _, _, err := i.CreateToken(t.Context(), core.LocalUser, identity.TokenSpec{Name: "ci", Scopes: core.SecretsRead}); err != nil {
		t.Error(err)
	}
}
