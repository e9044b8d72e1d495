package workspace_test

import (
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

func TestExpiredKeysAreWorthNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.secret(t, vault.NewSecret{Name: "A", Env: "A", Lookup: true})
		actor, session, gateway := f.start(t, workspace.Spec{Gateway: true, Seconds: 60})
		f.manifest(t, actor)
		time.Sleep(time.Minute - time.Second)
		if _, _, err := f.Session(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		_, _, err := f.Session(t.Context(), session)
		wantRevoked(t, "session key", err)
		_, err = f.GatewayKey(t.Context(), gateway)
		wantRevoked(t, "gateway key", err)
		_, err = f.Manifest(t.Context(), actor)
		wantRevoked(t, "manifest", err)
		_, err = f.Lookups(t.Context(), actor)
		wantRevoked(t, "lookups", err)
		_, err = f.Lookup(t.Context(), actor, "A")
		wantRevoked(t, "lookup", err)
		_, err = f.Renew(t.Context(), actor)
		wantRevoked(t, "renewal", err)
		wantRevoked(t, "report", f.Report(t.Context(), actor, 1, nil))
		wantRevoked(t, "leave", f.Leave(t.Context(), actor))
		_, _, _, err = f.Rotate(t.Context(), core.LocalUser, actor.ID, 0)
		wantCode(t, err, core.NotFound, "no live workspace")
	})
}

func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		actor, session, _ := f.start(t, workspace.Spec{Seconds: 600})
		long, _, _ := f.start(t, workspace.Spec{Seconds: 7200})
		free, _, _ := f.start(t, workspace.Spec{})
		before := len(f.trail(t))
		for range 20 {
			time.Sleep(2 * time.Minute)
			until, err := f.Renew(t.Context(), actor)
			if err != nil || time.Until(until) < workspace.RenewFor-time.Minute || time.Until(until) > workspace.RenewFor {
				t.Fatalf("until %v, %v", until, err)
			}
		}
		w, err := f.Get(t.Context(), core.LocalUser, actor.ID)
		if err != nil || w.Version != 1 || time.Until(w.ExpiresAt) < workspace.RenewFor-time.Minute {
			t.Errorf("stored %+v, %v", w, err)
		}
		if until, err := f.Renew(t.Context(), long); err != nil || until.Sub(w.CreatedAt) < 2*time.Hour-time.Second {
			t.Errorf("a longer one is cut short: %v, %v", until, err)
		}
		if until, err := f.Renew(t.Context(), free); err != nil || !until.IsZero() {
			t.Errorf("one that does not expire: %v, %v", until, err)
		}
		if got := len(f.trail(t)); got != before {
			t.Errorf("renewals leave %d entries", got-before)
		}
		time.Sleep(workspace.RenewFor)
		_, _, err = f.Session(t.Context(), session)
		wantRevoked(t, "one that is renewed no more", err)
		for _, other := range []core.Actor{core.LocalUser, {Kind: core.GatewayActor, ID: free.ID, Owner: core.Local}} {
			if _, err := f.Renew(t.Context(), other); core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s renews: %v", other, err)
			}
		}
	})
}

func TestLeave(t *testing.T) {
	f := newFixture(t)
	actor, session, _ := f.start(t, workspace.Spec{})
	if err := f.Leave(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.Session(t.Context(), session)
	wantRevoked(t, "after it left", err)
	wantRevoked(t, "leave again", f.Leave(t.Context(), actor))
	if e := f.trail(t)[1]; e.Action != guard.WorkspaceLeave || e.Outcome != guard.OK || e.Actor.Kind != core.WorkspaceActor {
		t.Errorf("entry %+v", e)
	}
}

func TestSweepExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		anna := f.user(t, "anna")
		for range 300 {
			if _, _, _, err := f.Create(t.Context(), anna, workspace.Spec{Seconds: 30}); err != nil {
				t.Fatal(err)
			}
		}
		f.start(t, workspace.Spec{Seconds: 60})
		f.start(t, workspace.Spec{})
		before := len(f.trail(t))
		for _, want := range []struct {
			wait    time.Duration
			ended   int
			entries int
		}{{0, 0, 0}, {30 * time.Second, 300, 2}, {0, 0, 0}, {30 * time.Second, 1, 1}} {
			time.Sleep(want.wait)
			n, err := f.SweepExpired(t.Context())
			trail := f.trail(t)
			if err != nil || n != want.ended || len(trail)-before != want.entries {
				t.Fatalf("ended %d with %d entries, %v, want %+v", n, len(trail)-before, err, want)
			}
			before = len(trail)
		}
		if e := f.trail(t)[before-1]; e.Owner != core.Org || e.Action != guard.WorkspaceSweep || len(e.Detail["ended"]) < 10 {
			t.Errorf("entry %+v", e)
		}
		list, err := f.List(t.Context(), core.LocalUser, store.WorkspaceFilter{}, store.Page{})
		if err != nil || len(list) != 1 {
			t.Errorf("left %+v, %v", list, err)
		}
		f.Verify(t)
	})
}

// On one machine the sweep at the start ends what has expired too.
func TestSweepEndsExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.start(t, workspace.Spec{Seconds: 30, Process: "alive"})
		time.Sleep(30 * time.Second)
		if n, err := f.Sweep(t.Context(), func(string) bool { return true }); n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}
