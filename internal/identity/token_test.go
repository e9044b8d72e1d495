package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
)

func TestTokensLife(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		u := f.user(t, "anna", "")
		a, _ := f.browser(t, "anna")
		made, s, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "ci", Scopes: core.SecretsRead | core.AuditRead, Life: 2 * time.Hour})
		if err != nil || made.UserID != u.ID || made.Digest != nil || !made.UsedAt.IsZero() || made.ExpiresAt.Sub(made.CreatedAt) != 2*time.Hour {
			t.Fatalf("made %+v, %v", made, err)
		}
		time.Sleep(time.Second)
		second, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "ci", Scopes: core.AuditRead})
		if err != nil || second.ExpiresAt.Sub(second.CreatedAt) != 30*day {
			t.Errorf("made %+v, %v", second, err)
		}
		list, err := f.Tokens(t.Context(), a)
		if err != nil || len(list) != 2 || fmt.Sprint(list[0]) != fmt.Sprint(made) {
			t.Errorf("list %+v, %v", list, err)
		}
		if err := f.DeleteToken(t.Context(), a, made.ID); err != nil {
			t.Fatal(err)
		}
		_, err = f.Bearer(t.Context(), text(s))
		wantError(t, "a revoked token", err, core.Unauthenticated, "bad_token")
		wantError(t, "revoking it again", f.DeleteToken(t.Context(), a, made.ID), core.NotFound, "")
		for _, e := range f.trail(t) {
			all := fmt.Sprint(e)
			if strings.Contains(all, text(s)) || strings.Contains(all, text(s)[4:]) {
				t.Errorf("entry with the token: %+v", e)
			}
			if e.Action == guard.TokenCreate && e.Subject == "token:"+made.ID &&
				(e.Detail["scopes"] != `["secrets:read","audit:read"]` || e.Detail["name"] != "ci" || e.Detail["expires"] == "") {
				t.Errorf("entry %+v", e.Detail)
			}
		}
	})
}

func TestTokensOfOthersAreNotFound(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	f.user(t, "boss", core.RoleAdmin)
	annaToken, text := f.token(t, "anna", core.SecretsRead)
	anna, cookie := f.browser(t, "anna")
	boss, _ := f.browser(t, "boss")
	for _, a := range []core.Actor{boss, boss.On(core.Org), boss.On(anna.Owner)} {
		wantError(t, "her token", f.DeleteToken(t.Context(), a, annaToken.Via.ID), core.NotFound, "")
		wantError(t, "her session", f.DeleteSession(t.Context(), a, anna.Via.ID), core.NotFound, "")
		if list, err := f.Tokens(t.Context(), a); err != nil || len(list) != 0 {
			t.Errorf("the boss sees %+v, %v", list, err)
		}
		if list, err := f.Sessions(t.Context(), a); err != nil || len(list) != 1 || list[0].UserID != boss.ID {
			t.Errorf("the boss sees %+v, %v", list, err)
		}
	}
	for _, id := range []string{"", "nothing", "tok/../x", strings.Repeat("a", 1000), anna.Via.ID} {
		wantError(t, "token "+id, f.DeleteToken(t.Context(), anna, id), core.NotFound, "")
	}
	for _, id := range []string{"", "nothing", "tok/../x", annaToken.Via.ID} {
		wantError(t, "session "+id, f.DeleteSession(t.Context(), anna, id), core.NotFound, "")
	}
	if _, err := f.Bearer(t.Context(), text); err != nil {
		t.Error(err)
	}
	if list, err := f.Sessions(t.Context(), anna); err != nil || len(list) != 2 || list[0].Digest != nil {
		t.Errorf("anna sees %+v, %v", list, err)
	}
	if err := f.DeleteSession(t.Context(), anna, anna.Via.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.Browser(t.Context(), cookie)
	wantError(t, "a session that was signed out", err, core.Unauthenticated, "bad_session")
}

// Whoever copied a token tries to make a stronger one of it.
func TestATokenMakesNoStrongerToken(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "boss", core.RoleAdmin)
	has := core.TokensWrite | core.SecretsRead | core.WorkspacesKeys
	a, _ := f.token(t, "boss", has)
	for _, s := range core.ScopeNames {
		one, _ := core.ParseScopes([]string{s})
		made, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: s, Scopes: one})
		if has.Has(one) {
			if err != nil || made.Scopes != one {
				t.Errorf("%s: %+v, %v", s, made, err)
			}
			continue
		}
		wantError(t, s, err, core.Forbidden, "scope")
		_, _, err = f.CreateToken(t.Context(), a, identity.TokenSpec{Name: s, Scopes: one | core.SecretsRead})
		if core.CodeOf(err) == "" {
			t.Errorf("%s together with another was given", s)
		}
	}
	weak, _ := f.token(t, "boss", core.AllScopes&^(core.TokensWrite|core.SecretsReveal))
	_, _, err := f.CreateToken(t.Context(), weak, identity.TokenSpec{Name: "x", Scopes: core.SecretsRead})
	wantError(t, "a token without tokens:write", err, core.Forbidden, "scope")
	if err := f.DeleteToken(t.Context(), weak, weak.Via.ID); core.CodeOf(err) != core.Forbidden {
		t.Errorf("a token without tokens:write revokes: %v", err)
	}
}

// The token is revoked after its request was let in and before it makes another:
// the new one would outlive the revocation.
func TestARevokedTokenMakesNoOther(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	a, _ := f.token(t, "anna", core.TokensWrite|core.SecretsRead)
	b, _ := f.browser(t, "anna")
	if err := f.DeleteToken(t.Context(), b, a.Via.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "x", Scopes: core.SecretsRead})
	wantError(t, "a revoked token", err, core.Unauthenticated, "bad_token")
	if err := f.DeleteSession(t.Context(), b, b.Via.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = f.CreateToken(t.Context(), b, identity.TokenSpec{Name: "x", Scopes: core.SecretsRead})
	wantError(t, "a revoked session", err, core.Unauthenticated, "bad_session")
	if list, err := f.Tokens(t.Context(), core.Actor{Kind: core.UserActor, ID: a.ID, Owner: a.Owner, Scopes: core.AllScopes}); err != nil || len(list) != 0 {
		t.Errorf("tokens %+v, %v", list, err)
	}
}

// An administrator's request was let in and they were demoted before it acted.
func TestADemotedAdministratorMakesNoAdministratorsToken(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "boss", core.RoleAdmin)
	a, _ := f.browser(t, "boss")
	if _, err := f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleUser)}, 0); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "x", Scopes: core.AdminWrite})
	wantError(t, "admin:write", err, core.Forbidden, "scope")
}

func TestTokensThatCannotBe(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	a, _ := f.browser(t, "anna")
	ok := identity.TokenSpec{Name: "x", Scopes: core.SecretsRead}
	for name, c := range map[string]struct {
		edit  func(*identity.TokenSpec)
		field string
	}{
		"no name":            {func(s *identity.TokenSpec) { s.Name = "" }, "name"},
		"a long name":        {func(s *identity.TokenSpec) { s.Name = strings.Repeat("a", 101) }, "name"},
		"a space":            {func(s *identity.TokenSpec) { s.Name = "x " }, "name"},
		"a line":             {func(s *identity.TokenSpec) { s.Name = "x\ny" }, "name"},
		"a turn":             {func(s *identity.TokenSpec) { s.Name = "x\u202ey" }, "name"},
		"no UTF-8":           {func(s *identity.TokenSpec) { s.Name = "x\xff" }, "name"},
		"no scopes":          {func(s *identity.TokenSpec) { s.Scopes = 0 }, "scopes"},
		"unknown scopes":     {func(s *identity.TokenSpec) { s.Scopes |= 1 << 31 }, "scopes"},
		"reveal and keys":    {func(s *identity.TokenSpec) { s.Scopes = core.SecretsReveal | core.WorkspacesKeys }, "scopes"},
		"every scope":        {func(s *identity.TokenSpec) { s.Scopes = core.AllScopes }, "scopes"},
		"longer than a year": {func(s *identity.TokenSpec) { s.Life = 365*day + 1 }, "life"},
		"no time":            {func(s *identity.TokenSpec) { s.Life = time.Millisecond }, "life"},
		"time before":        {func(s *identity.TokenSpec) { s.Life = -time.Hour }, "life"},
	} {
		spec := ok
		c.edit(&spec)
		_, _, err := f.CreateToken(t.Context(), a, spec)
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Field != c.field || e.Hint == "" {
			t.Errorf("%s gives %#v", name, err)
		}
	}
	ok.Life, ok.Name = 365*day, strings.Repeat("a", 100)
	if _, _, err := f.CreateToken(t.Context(), a, ok); err != nil {
		t.Error(err)
	}
}

func TestTokensAreBounded(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		a, _ := f.browser(t, "anna")
		make := func() error {
			_, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "x", Scopes: core.SecretsRead, Life: time.Hour})
			return err
		}
		for range 199 {
			if err := make(); err != nil {
				t.Fatal(err)
			}
		}
		_, code, _ := f.MakeLink(t.Context(), "anna", core.CodeProof)
		_, err := f.Login(t.Context(), identity.LoginRequest{Code: text(code)})
		wantError(t, "a login's two tokens", err, core.Exhausted, "too_many_tokens")
		if err := make(); err != nil {
			t.Fatal(err)
		}
		wantError(t, "the 201st", make(), core.Exhausted, "too_many_tokens")
		time.Sleep(time.Hour)
		if err := make(); err != nil {
			t.Errorf("once they are over: %v", err)
		}
	})
}
