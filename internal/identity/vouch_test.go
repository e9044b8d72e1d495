package identity_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
)

func (f fixture) vouched(t *testing.T, name, email string) core.User {
	t.Helper()
	a, err := f.Vouched(t.Context(), name, email)
	if err != nil {
		t.Fatalf("%q %q: %v", name, email, err)
	}
	if a.Kind != core.UserActor || a.Via != (core.Via{Kind: core.ViaProxy}) {
		t.Errorf("actor %+v", a)
	}
	u, err := f.Self(t.Context(), a)
	if err != nil || u.ID != a.ID || a.Admin != (u.Role == core.RoleAdmin) {
		t.Fatalf("self %+v, %v, actor %+v", u, err, a)
	}
	return u
}

func TestVouchedSignsUpOnce(t *testing.T) {
	f := newFixture(t, identity.Config{})
	for _, c := range []struct{ name, email, want string }{
		{"anna", "", "anna"},
		{"ANNA", "", "anna"},
		{"Otto Müller", "Otto@example.org", "otto"},
		{"", "otto@example.org", "otto"},
		{"somebody else", "otto@EXAMPLE.org", "otto"},
		{"", "eva.m@example.org", "eva.m"},
		{"otto", "eva.m@example.com", "eva.m-2"},
		{"日本", "!!@example.org", "user"},
		{"b", "!!@example.com", "user-2"},
		{"x", "local@example.org", "local-2"},
		{"y", strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64)},
		{"z", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 62) + "-2"},
	} {
		u := f.vouched(t, c.name, c.email)
		if u.Name != c.want || u.Role != core.RoleUser {
			t.Errorf("%q %q is %+v, want %s", c.name, c.email, u, c.want)
		}
		if again := f.vouched(t, c.name, c.email); again != u {
			t.Errorf("%q %q is %+v, then %+v", c.name, c.email, u, again)
		}
	}
	users, _ := f.Users(t.Context(), org, first)
	if len(users) != 10 {
		t.Errorf("%d users", len(users))
	}
	for _, u := range users {
		if u.ID != "local" {
			wantActs(t, f, u, "system user.sign_up ok")
		}
	}
}

func TestVouchedFindsWhomAnAdministratorMade(t *testing.T) {
	f := newFixture(t, identity.Config{})
	anna := f.user(t, "anna", core.RoleAdmin)
	if u := f.vouched(t, "Anna", ""); u != anna {
		t.Errorf("by the name alone %+v, made %+v", u, anna)
	}
	mail := "anna@example.org"
	edited, err := f.UpdateUser(t.Context(), org, "anna", identity.Edit{Email: &mail}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if u := f.vouched(t, "someone", mail); u != edited {
		t.Errorf("by the address %+v, edited %+v", u, edited)
	}
}

// An administrator made grace, and gave her no address yet. Mallory calls herself
// grace at the identity provider, and comes with an address of her own.
func TestNobodyTakesOverAUserWithoutAnAddress(t *testing.T) {
	f := newFixture(t, identity.Config{})
	grace := f.user(t, "grace", core.RoleAdmin)
	if u := f.vouched(t, "grace", "mallory@example.org"); u.ID == grace.ID || u.Name != "mallory" || u.Role != core.RoleUser {
		t.Errorf("mallory is %+v", u)
	}
	if u, err := f.User(t.Context(), org, "grace"); err != nil || u != grace {
		t.Errorf("grace is %+v, %v", u, err)
	}
}

// A selector or a launcher names grace, who did not come yet. Mallory, who calls
// herself so, must not be the one who gets what is meant for grace.
func TestNobodyTakesANameThatIsAwaited(t *testing.T) {
	f := newFixture(t, identity.Config{})
	if u := f.vouched(t, "grace", "mallory@example.org"); u.Name == "grace" {
		t.Errorf("mallory is %+v", u)
	}
	if u := f.vouched(t, "mallory", "grace@example.org"); u.Name != "grace" {
		t.Errorf("grace is %+v", u)
	}
}

// At many identity providers people choose their own name. Whoever calls
// themselves like a user who has an address must not become that user.
func TestNobodyTakesOverAnotherByName(t *testing.T) {
	f := newFixture(t, identity.Config{})
	anna, err := f.CreateUser(t.Context(), org, identity.NewUser{Name: "anna", Email: "anna@example.org", Role: core.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	if u := f.vouched(t, "anna", "anna@mallory.example"); u.ID == anna.ID || u.Name != "anna-2" || u.Role != core.RoleUser {
		t.Errorf("mallory is %+v", u)
	}
	for _, name := range []string{"anna", "Anna", "anna-2"} {
		_, err := f.Vouched(t.Context(), name, "")
		wantError(t, name, err, core.Unauthenticated, "identity")
	}
	// Names that become alike when they are made fit stay two people.
	a, b := f.vouched(t, "eva", "eva+m@example.org"), f.vouched(t, "eva", "eva-m@example.org")
	if a.ID == b.ID {
		t.Errorf("two people are %+v", a)
	}
}

// The server's own user has everything that was on the machine before it became
// a server. A proxy's header must not be enough to be that user.
func TestNoProxyNamesTheServersOwnUser(t *testing.T) {
	f := newFixture(t, identity.Config{AdminEmail: "boss@example.org"})
	for _, name := range []string{"local", "LOCAL", "Local"} {
		_, err := f.Vouched(t.Context(), name, "")
		wantError(t, name, err, core.Unauthenticated, "identity")
		if u := f.vouched(t, name, "boss@example.org"); u.ID == "local" {
			t.Errorf("%s is the server's own user", name)
		}
	}
}

// Nor before that user is there: the name would be taken when it is made.
func TestNoProxyTakesTheServersName(t *testing.T) {
	k := guardtest.New(t)
	i, err := identity.New(identity.Config{Guard: k.Guard, Store: k.Store})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{i, k}
	_, err = f.Vouched(t.Context(), "local", "")
	wantError(t, "the name alone", err, core.Unauthenticated, "identity")
	if u := f.vouched(t, "x", "local@example.org"); u.Name != "local-2" {
		t.Errorf("made %+v", u)
	}
	if err := f.EnsureFirst(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestVouchedRefuses(t *testing.T) {
	f := newFixture(t, identity.Config{})
	for _, c := range []struct{ name, email string }{
		{"", ""}, {"a b", ""}, {"-a", ""}, {"a/b", ""}, {"ä", ""}, {"anna@example.org", ""}, {"\u212aevin", ""}, {strings.Repeat("a", 65), ""},
		{"anna", "no address"}, {"anna", "a@b@c"}, {"anna", "Anna <anna@example.org>"}, {"anna", "a@b, c@d"}, {"anna", "anna@exam\u212ale.org"},
	} {
		_, err := f.Vouched(t.Context(), c.name, c.email)
		wantError(t, c.name+" "+c.email, err, core.Unauthenticated, "identity")
	}
	if users, _ := f.Users(t.Context(), org, first); len(users) != 1 {
		t.Errorf("users %+v", users)
	}
}

// The first to arrive is nobody special: only the configured address is.
func TestAdminEmail(t *testing.T) {
	f := newFixture(t, identity.Config{AdminEmail: "Boss@Example.org"})
	if u := f.vouched(t, "early", "early@example.org"); u.Role != core.RoleUser {
		t.Errorf("the first to arrive is %+v", u)
	}
	if u := f.vouched(t, "boss@example.org", "fake@example.org"); u.Role != core.RoleUser {
		t.Errorf("somebody called like the address is %+v", u)
	}
	boss := f.vouched(t, "boss", "boss@example.org")
	if boss.Role != core.RoleAdmin || boss.Version != 1 {
		t.Errorf("the boss is %+v", boss)
	}
	if _, err := f.UpdateUser(t.Context(), org, boss.Name, identity.Edit{Role: to(core.RoleUser)}, 0); err != nil {
		t.Fatal(err)
	}
	if u := f.vouched(t, "boss", "boss@example.org"); u.Role != core.RoleAdmin || u.Version != 3 {
		t.Errorf("seen again, the boss is %+v", u)
	}
	wantActs(t, f, boss, "system user.sign_up ok", "system user.sign_up ok")
	f.disable(t, boss.Name)
	_, err := f.Vouched(t.Context(), "boss", "boss@example.org")
	wantError(t, "a disabled boss", err, core.Unauthenticated, "user_disabled")
	if u, _ := f.User(t.Context(), org, boss.Name); !u.Disabled || u.Version != 4 {
		t.Errorf("being seen changed %+v", u)
	}
}

// A page asks for many things at once, and each request may be its user's first.
func TestManyFirstRequestsAreOneUser(t *testing.T) {
	f := newFixture(t, identity.Config{AdminEmail: "boss@example.org"})
	var mu sync.Mutex
	var ids []string
	var wg sync.WaitGroup
	for n := range 24 {
		wg.Go(func() {
			name := "anna"
			if n%2 == 0 {
				name = "Anna M"
			}
			a, err := f.Vouched(t.Context(), name, "boss@example.org")
			if err != nil || !a.Admin {
				t.Errorf("%+v, %v", a, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, a.ID)
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if all := slices.Compact(ids); len(all) != 1 {
		t.Errorf("they are %v", all)
	}
	if users, _ := f.Users(t.Context(), org, first); len(users) != 2 {
		t.Errorf("users %+v", users)
	}
}
