package identity_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// fixture is an Identity over a real store, with the server's own user.
type fixture struct {
	*identity.Identity
	guardtest.Kit
}

func newFixture(t testing.TB, c identity.Config) fixture {
	t.Helper()
	return fixtureOn(t, guardtest.New(t).Sound(t), c)
}

func fixtureOn(t testing.TB, k guardtest.Kit, c identity.Config) fixture {
	t.Helper()
	c.Guard, c.Store = k.Guard, k.Store
	i, err := identity.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.EnsureFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	return fixture{i, k}
}

// timed runs a test whose clock the test moves.
func timed(t *testing.T, c identity.Config, fn func(t *testing.T, f fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { fn(t, newFixture(t, c)) })
}

// org is the server's own user acting on the organisation.
var org = core.LocalUser.On(core.Org)

func (f fixture) user(t testing.TB, name string, role core.Role) core.User {
	t.Helper()
	u, err := f.CreateUser(t.Context(), org, identity.NewUser{Name: name, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// browser signs a user in by a link, and gives the actor and the cookie.
func (f fixture) browser(t testing.TB, user string) (core.Actor, string) {
	t.Helper()
	_, link, err := f.MakeLink(t.Context(), user, core.LinkProof)
	if err != nil {
		t.Fatal(err)
	}
	_, cookie, _, err := f.SignIn(t.Context(), text(link), "Browser/1", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := f.Browser(t.Context(), text(cookie))
	if err != nil {
		t.Fatal(err)
	}
	return a, text(cookie)
}

// token makes a token by a browser session of the user.
func (f fixture) token(t testing.TB, user string, scopes core.Scopes) (core.Actor, string) {
	t.Helper()
	a, _ := f.browser(t, user)
	_, s, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	a, err = f.Bearer(t.Context(), text(s))
	if err != nil {
		t.Fatal(err)
	}
	return a, text(s)
}

func (f fixture) disable(t testing.TB, name string) {
	t.Helper()
	if _, err := f.UpdateUser(t.Context(), org, name, identity.Edit{Disabled: to(true)}, 0); err != nil {
		t.Fatal(err)
	}
}

// secret is one as the vault would find it: identity looks at nothing else of it.
func secretOf(o core.Owner, version int64) core.Secret {
	return core.Secret{ID: "sec_1", Owner: o, Name: "NPM TOKEN", Version: version}
}

// trail is the entries, oldest first.
func (f fixture) trail(t testing.TB) []core.AuditEntry {
	t.Helper()
	return f.Trail(t, func(core.AuditEntry) bool { return true })
}

// acts is the trail as "actor action outcome", of one user's owner.
func (f fixture) acts(t testing.TB, u core.User) (out []string) {
	t.Helper()
	for _, e := range f.trail(t) {
		if e.Owner == u.Owner() {
			out = append(out, string(e.Actor.Kind)+" "+e.Action+" "+e.Outcome)
		}
	}
	return out
}

func text(s secret.Secret) string { return string(s.Reveal()) }

func to[T any](v T) *T { return &v }

// wantError wants an error for people of this code and reason.
func wantError(t testing.TB, what string, err error, code core.Code, reason string) {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != code || e.Reason != reason || e.Hint == "" || e.Message == "" {
		t.Errorf("%s gives %#v, want %s %q and a hint", what, err, code, reason)
	}
}

// sameError wants two errors that a stranger cannot tell apart.
func sameError(t testing.TB, what string, a, b error) {
	t.Helper()
	x, ok := errors.AsType[*core.Error](a)
	y, also := errors.AsType[*core.Error](b)
	if !ok || !also || x.Code != y.Code || x.Reason != y.Reason || x.Message != y.Message || x.Hint != y.Hint || x.Field != y.Field {
		t.Errorf("%s: %#v and %#v differ", what, a, b)
	}
}

func wantActs(t *testing.T, f fixture, u core.User, want ...string) {
	t.Helper()
	if got := strings.Join(f.acts(t, u), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("trail:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

var first = store.Page{Limit: 100}

const day = 24 * time.Hour
