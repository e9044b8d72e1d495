package guard_test

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// Somebody sends a request that makes a workspace at the moment in which an
// administrator disables them. The request was let in before, and would leave a
// live workspace behind: its keys would go on working for a user who is locked
// out.
func TestNothingUnderWayComesAfterADisabling(t *testing.T) {
	k := guardtest.New(t)
	u := core.User{ID: "usr_eve", Name: "eve", Role: core.RoleAdmin, Version: 1}
	update := func(fn func(tx store.Tx) error) {
		t.Helper()
		if err := k.Store.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx store.Tx) error { return tx.Users().Create(t.Context(), u) })
	eve := core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Admin: true, Scopes: core.AllScopes, Via: core.Via{Kind: core.ViaToken, ID: "tok_1"}}
	launcher := core.Actor{Kind: core.LauncherActor, ID: "ci", Owner: u.Owner(), Via: core.Via{Kind: core.ViaToken}}
	do := func(a core.Actor, action string) error {
		return k.Guard.Do(t.Context(), a, guard.Act{Action: action, Subject: "x"}, func(context.Context, store.Tx, guard.Note) error { return nil })
	}
	show := func() error {
		return k.Guard.Expose(t.Context(), eve, guard.Act{Action: guard.SecretReveal, Subject: "x"}, func(context.Context, store.Tx, guard.Note) error { return nil })
	}
	all := func(want core.Code, onOrg core.Code) {
		t.Helper()
		for name, got := range map[string]error{"a change": do(eve, guard.SecretCreate), "a launcher's": do(launcher, guard.WorkspaceCreate), "a reveal": show()} {
			if core.CodeOf(got) != want {
				t.Errorf("%s: %v, want code %q", name, got, want)
			}
		}
		if got := do(eve.On(core.Org), guard.SecretCreate); core.CodeOf(got) != onOrg {
			t.Errorf("on the organisation: %v, want code %q", got, onOrg)
		}
	}
	all("", "")
	u.Role = core.RoleUser
	update(func(tx store.Tx) error { return tx.Users().Update(t.Context(), u, 1) })
	all("", core.Forbidden)
	u.Disabled = true
	update(func(tx store.Tx) error { return tx.Users().Update(t.Context(), u, 2) })
	all(core.Unauthenticated, core.Unauthenticated)
}
