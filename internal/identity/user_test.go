package identity_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

func TestUsersLife(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u, err := f.CreateUser(t.Context(), org, identity.NewUser{Name: "anna", Email: "Anna@Example.org"})
	if err != nil || u.Email != "anna@example.org" || u.Role != core.RoleUser || u.Version != 1 || u.Disabled {
		t.Fatalf("made %+v, %v", u, err)
	}
	if got, err := f.User(t.Context(), org, "anna"); err != nil || got != u {
		t.Errorf("found %+v, %v, want %+v", got, err, u)
	}
	next, err := f.UpdateUser(t.Context(), org, "anna", identity.Edit{Email: to(""), Role: to(core.RoleAdmin)}, 1)
	if err != nil || next.Email != "" || next.Role != core.RoleAdmin || next.Version != 2 {
		t.Errorf("changed %+v, %v", next, err)
	}
	if got, _ := f.User(t.Context(), org, "anna"); got != next {
		t.Errorf("stored %+v, want %+v", got, next)
	}
	_, err = f.UpdateUser(t.Context(), org, "anna", identity.Edit{Role: to(core.RoleUser)}, 1)
	wantError(t, "a stale version", err, core.Conflict, "stale")
	list, err := f.Users(t.Context(), org, store.Page{Limit: 1, After: "anna"})
	if err != nil || len(list) != 1 || list[0].Name != "local" {
		t.Errorf("page %+v, %v", list, err)
	}
	var got []string
	for _, e := range f.trail(t) {
		got = append(got, fmt.Sprint(e.Action, " ", e.Subject, " ", e.Outcome, " ", e.Detail["role"]))
	}
	want := "user.sign_up user:local ok admin\nuser.create user:anna ok user\nuser.update user:anna ok admin\nuser.update user:anna failed user"
	if all := strings.Join(got, "\n"); all != want {
		t.Errorf("trail\n%s\nwant\n%s", all, want)
	}
}

func TestUsersAreRefused(t *testing.T) {
	f := newFixture(t, identity.Config{})
	if _, err := f.CreateUser(t.Context(), org, identity.NewUser{Name: "anna", Email: "anna@example.org"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in    identity.NewUser
		code  core.Code
		field string
	}{
		"no name":           {identity.NewUser{}, core.Invalid, "name"},
		"a large letter":    {identity.NewUser{Name: "Anna"}, core.Invalid, "name"},
		"a path":            {identity.NewUser{Name: "../x"}, core.Invalid, "name"},
		"the server's":      {identity.NewUser{Name: "local"}, core.Invalid, "name"},
		"no such role":      {identity.NewUser{Name: "otto", Role: "root"}, core.Invalid, "role"},
		"no address":        {identity.NewUser{Name: "otto", Email: "otto"}, core.Invalid, "email"},
		"a taken name":      {identity.NewUser{Name: "anna"}, core.Conflict, "name"},
		"a taken address":   {identity.NewUser{Name: "otto", Email: "ANNA@example.org"}, core.Conflict, "email"},
		"an address's name": {identity.NewUser{Name: "otto", Email: "Otto <otto@example.org>"}, core.Invalid, "email"},
	} {
		_, err := f.CreateUser(t.Context(), org, c.in)
		if e, ok := err.(*core.Error); !ok || e.Code != c.code || e.Field != c.field || e.Hint == "" {
			t.Errorf("%s gives %#v", name, err)
		}
	}
	for _, name := range []string{"otto", "", "../x", strings.Repeat("a", 500)} {
		_, err := f.User(t.Context(), org, name)
		wantError(t, "finding "+name, err, core.NotFound, "")
		_, err = f.UpdateUser(t.Context(), org, name, identity.Edit{}, 0)
		wantError(t, "changing "+name, err, core.NotFound, "")
	}
	_, err := f.UpdateUser(t.Context(), org, "anna", identity.Edit{Role: to(core.Role("root"))}, 0)
	wantError(t, "no such role", err, core.Invalid, "")
	_, err = f.UpdateUser(t.Context(), org, "anna", identity.Edit{Email: to("x")}, 0)
	wantError(t, "no address", err, core.Invalid, "")
}

func TestOnlyAdministratorsSeeAndChangeUsers(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	f.user(t, "boss", core.RoleAdmin)
	anna, _ := f.browser(t, "anna")
	reader, _ := f.token(t, "boss", core.AdminRead)
	for name, a := range map[string]core.Actor{"anna": anna, "anna as the organisation": anna.On(core.Org), "a token that reads": reader.On(core.Org)} {
		_, err := f.CreateUser(t.Context(), a, identity.NewUser{Name: "new", Role: core.RoleAdmin})
		if core.CodeOf(err) != core.Forbidden {
			t.Errorf("%s makes users: %v", name, err)
		}
		_, err = f.UpdateUser(t.Context(), a, "anna", identity.Edit{Role: to(core.RoleAdmin)}, 0)
		if core.CodeOf(err) != core.Forbidden {
			t.Errorf("%s changes users: %v", name, err)
		}
	}
	if _, err := f.Users(t.Context(), anna.On(core.Org), first); core.CodeOf(err) != core.Forbidden {
		t.Errorf("anna lists users: %v", err)
	}
	if _, err := f.Users(t.Context(), reader.On(core.Org), first); err != nil {
		t.Errorf("a token that reads: %v", err)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	f := newFixture(t, identity.Config{})
	for name, e := range map[string]identity.Edit{"disabling": {Disabled: to(true)}, "demoting": {Role: to(core.RoleUser)}} {
		_, err := f.UpdateUser(t.Context(), org, "local", e, 0)
		wantError(t, name+" the only one", err, core.Conflict, "last_admin")
	}
	f.user(t, "off", core.RoleAdmin)
	f.disable(t, "off")
	_, err := f.UpdateUser(t.Context(), org, "local", identity.Edit{Disabled: to(true)}, 0)
	wantError(t, "one who is disabled does not count: it", err, core.Conflict, "last_admin")
	f.user(t, "boss", core.RoleAdmin)
	f.disable(t, "local")
	_, err = f.UpdateUser(t.Context(), org, "boss", identity.Edit{Role: to(core.RoleUser)}, 0)
	wantError(t, "demoting the one that is left", err, core.Conflict, "last_admin")
	if err := f.EnsureFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u, _ := f.User(t.Context(), org, "local"); !u.Disabled {
		t.Error("a start of the server enabled its user")
	}
}

// Two administrators who disable each other at the same moment must not both
// succeed.
func TestAdministratorsDisablingEachOtherLeaveOne(t *testing.T) {
	f := newFixture(t, identity.Config{})
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		f.user(t, n, core.RoleAdmin)
	}
	f.disable(t, "local")
	var wg sync.WaitGroup
	for _, n := range names {
		wg.Go(func() { _, _ = f.UpdateUser(t.Context(), org, n, identity.Edit{Disabled: to(true)}, 0) })
	}
	wg.Wait()
	left := 0
	for _, n := range names {
		if u, err := f.User(t.Context(), org, n); err == nil && !u.Disabled {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d administrators are left", left)
	}
}

func (f fixture) workspace(t *testing.T, id string, o core.Owner) {
	t.Helper()
	f.Write(t, func(ctx context.Context, tx store.Tx) error {
		return tx.Workspaces().Create(ctx, core.Workspace{
			ID: id, Owner: o, Namespace: "default", Version: 1, SessionDigest: core.TokenDigest("s" + id), GatewayDigest: core.TokenDigest("g" + id),
		})
	})
}

func (f fixture) live(t *testing.T, o core.Owner) (n int) {
	t.Helper()
	err := f.Store.View(t.Context(), func(tx store.Tx) (err error) {
		n, err = tx.Workspaces().CountLive(t.Context(), o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Somebody leaves. Whatever they hold must be worth nothing from that moment,
// also what was approved and not yet fetched.
func TestDisablingEndsEverythingAtOnce(t *testing.T) {
	f := newFixture(t, identity.Config{Launchers: []identity.Launcher{launcher("tf", identity.EveryUser)}})
	u, other := f.user(t, "anna", ""), f.user(t, "otto", "")
	browser, cookie := f.browser(t, "anna")
	tokenActor, token := f.token(t, "anna", core.TokensWrite|core.SecretsReveal|core.SecretsRead)
	_, link, _ := f.MakeLink(t.Context(), "anna", core.LinkProof)
	_, code, _ := f.MakeLink(t.Context(), "anna", core.CodeProof)
	grant, _ := f.StartDevice(t.Context(), "laptop")
	if err := f.DecideDevice(t.Context(), browser, grant.UserCode, true); err != nil {
		t.Fatal(err)
	}
	s := secretOf(u.Owner(), 1)
	up, _ := f.AskStepUp(t.Context(), tokenActor, s, "192.0.2.7")
	if err := f.DecideStepUp(t.Context(), browser, up.ID, true); err != nil {
		t.Fatal(err)
	}
	f.workspace(t, "wsp_1", u.Owner())
	f.workspace(t, "wsp_2", other.Owner())
	_, otherToken := f.token(t, "otto", core.SecretsRead)

	f.disable(t, "anna")

	_, err := f.Bearer(t.Context(), token)
	wantError(t, "her token", err, core.Unauthenticated, "bad_token")
	_, _, err = f.Browser(t.Context(), cookie)
	wantError(t, "her browser", err, core.Unauthenticated, "bad_session")
	_, _, _, err = f.SignIn(t.Context(), text(link), "", "")
	wantError(t, "her link", err, core.Unauthenticated, "bad_link")
	for name, r := range map[string]identity.LoginRequest{"code": {Code: text(code)}, "login": {DeviceCode: text(grant.DeviceCode)}} {
		_, err = f.Login(t.Context(), r)
		wantError(t, "her "+name, err, core.Unauthenticated, "expired_token")
	}
	_, err = f.Vouched(t.Context(), "anna", "")
	wantError(t, "a proxy's word", err, core.Unauthenticated, "user_disabled")
	tf, _ := f.Bearer(t.Context(), launcherKey("tf"))
	_, err = f.LaunchFor(t.Context(), tf, "anna")
	wantError(t, "a launcher", err, core.NotFound, "")
	_, _, err = f.MakeLink(t.Context(), "anna", core.LinkProof)
	wantError(t, "a new link", err, core.Conflict, "user_disabled")
	if n := f.live(t, u.Owner()); n != 0 {
		t.Errorf("%d of her workspaces live", n)
	}

	// Requests that had been let in before the disabling and come to act now.
	for name, a := range map[string]core.Actor{"browser": browser, "token": tokenActor} {
		_, _, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "late", Scopes: core.SecretsRead})
		if c := core.CodeOf(err); c != core.Unauthenticated && c != core.Forbidden {
			t.Errorf("her %s makes a token: %v", name, err)
		}
		if err := f.Take(t.Context(), a, up.ID, s); core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("her %s takes a step-up: %v", name, err)
		}
		if err := f.Still(t.Context(), a); core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("her %s is still good: %v", name, err)
		}
	}
	late, _ := f.StartDevice(t.Context(), "laptop")
	wantError(t, "a late approval", f.DecideDevice(t.Context(), browser, late.UserCode, true), core.Unauthenticated, "user_disabled")

	if _, err := f.Bearer(t.Context(), otherToken); err != nil || f.live(t, other.Owner()) != 1 {
		t.Errorf("another user lost something: %v", err)
	}
	for _, e := range f.trail(t) {
		if e.Action == guard.UserUpdate && (e.Detail["tokens"] != "1" || e.Detail["sessions"] != "2" || e.Detail["workspaces"] != "1" || e.Detail["disabled"] != "true") {
			t.Errorf("entry %+v", e.Detail)
		}
	}
	if _, err := f.UpdateUser(t.Context(), org, "anna", identity.Edit{Disabled: to(false)}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Bearer(t.Context(), token); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("enabling brings a token back: %v", err)
	}
	_, _, _, err = f.SignIn(t.Context(), text(link), "", "")
	wantError(t, "her old link, once enabled", err, core.Unauthenticated, "bad_link")
	_, err = f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(grant.DeviceCode)})
	wantError(t, "her old login, once enabled", err, core.Unauthenticated, "expired_token")
}

// A proof that is left over, however that came, must be worth nothing to somebody
// who is disabled.
func TestAProofThatOutlivedTheDisablingIsWorthNothing(t *testing.T) {
	f := newFixture(t, identity.Config{})
	u := f.user(t, "anna", "")
	f.disable(t, "anna")
	link, device, token, cookie := core.NewToken(core.LinkPrefix), core.NewToken(core.DevicePrefix), core.NewToken(core.PersonalPrefix), core.NewToken(core.BrowserPrefix)
	end := time.Now().Add(time.Minute)
	f.Write(t, func(_ context.Context, tx store.Tx) error {
		return firstOf(
			tx.Proofs().Create(t.Context(), core.Proof{ID: "a", Kind: core.LinkProof, Digest: core.TokenDigest(text(link)), UserID: u.ID, State: core.ProofPending, ExpiresAt: end}),
			tx.Proofs().Create(t.Context(), core.Proof{ID: "b", Kind: core.DeviceProof, Digest: core.TokenDigest(text(device)), UserID: u.ID, State: core.ProofApproved, Approver: "proxy", ExpiresAt: end}),
			tx.Tokens().Create(t.Context(), core.Token{ID: "c", UserID: u.ID, Digest: core.TokenDigest(text(token)), Scopes: core.AllScopes, ExpiresAt: end}),
			tx.Sessions().Create(t.Context(), core.BrowserSession{ID: "d", UserID: u.ID, Digest: core.TokenDigest(text(cookie)), ExpiresAt: end}),
		)
	})
	_, _, _, err := f.SignIn(t.Context(), text(link), "", "")
	wantError(t, "the link", err, core.Unauthenticated, "bad_link")
	_, err = f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(device)})
	wantError(t, "the login", err, core.Unauthenticated, "expired_token")
	_, err = f.Bearer(t.Context(), text(token))
	wantError(t, "the token", err, core.Unauthenticated, "user_disabled")
	_, _, err = f.Browser(t.Context(), text(cookie))
	wantError(t, "the browser", err, core.Unauthenticated, "user_disabled")
	for _, via := range []core.Via{{Kind: core.ViaToken, ID: "c"}, {Kind: core.ViaBrowser, ID: "d"}, {Kind: core.ViaProxy}} {
		a := core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Scopes: core.AllScopes, Via: via}
		wantError(t, via.String(), f.Still(t.Context(), a), core.Unauthenticated, "user_disabled")
	}
}

// What names one user and shows another's proof is nobody.
func TestAnActorWithAnothersProofIsNobody(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	otto := f.user(t, "otto", "")
	token, _ := f.token(t, "anna", core.SecretsRead)
	browser, _ := f.browser(t, "anna")
	for _, a := range []core.Actor{token, browser} {
		a.ID, a.Owner = otto.ID, otto.Owner()
		if err := f.Still(t.Context(), a); core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("%s: %v", a.Via, err)
		}
	}
}

func TestEnsureFirstBySeveralAtOnce(t *testing.T) {
	f := newFixture(t, identity.Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.EnsureFirst(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if u, err := f.User(t.Context(), org, "local"); err != nil || u.ID != "local" || u.Role != core.RoleAdmin || u.Version != 1 {
		t.Errorf("first %+v, %v", u, err)
	}
}
