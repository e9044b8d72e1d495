package guard_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

var (
	making  = guard.Act{Action: guard.WorkspaceCreate, Subject: "workspace:w"}
	showing = guard.Act{Action: guard.WorkspaceManifest, Subject: "workspace:w"}
	within  = core.Actor{Kind: core.WorkspaceActor, ID: "w", Owner: core.Local}
)

func nothing(context.Context, store.Tx, guard.Note) error { return nil }

// The attempt must be durable before a value is taken, as with Expose: it is so
// from the change on that it stands with.
func TestAttemptInTheTransactionOfAChange(t *testing.T) {
	f := newFixture(t)
	a, err := f.DoAndAttempt(t.Context(), core.LocalUser, making, within, showing, nothing)
	if err != nil {
		t.Fatal(err)
	}
	made := []string{"user:local workspace.create workspace:w ok", "workspace:w workspace.manifest workspace:w attempt"}
	if diff := cmp.Diff(made, f.trail(t)); diff != "" {
		t.Error(diff)
	}
	if err := f.ExposeAttempted(t.Context(), a, func(_ context.Context, _ store.Tx, note guard.Note) error {
		note("version", "3")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(made, "workspace:w workspace.manifest workspace:w ok"), f.trail(t)); diff != "" {
		t.Error(diff)
	}
	if got := f.entries(t)[2].Detail; got["attempt"] != "2" || got["version"] != "3" {
		t.Errorf("outcome %v", got)
	}
}

// An attempt that is not written down, and one that had its exposure, hand out
// nothing.
func TestNoExposureWithoutAnAttemptOfItsOwn(t *testing.T) {
	f := newFixture(t)
	a, err := f.DoAndAttempt(t.Context(), core.LocalUser, making, within, showing, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ExposeAttempted(t.Context(), a, nothing); err != nil {
		t.Fatal(err)
	}
	for _, again := range []guard.Attempted{a, {}} {
		err := f.ExposeAttempted(t.Context(), again, func(context.Context, store.Tx, guard.Note) error {
			t.Error("a value was taken")
			return nil
		})
		if core.CodeOf(err) != core.Internal {
			t.Errorf("error %v", err)
		}
	}
}

// Neither the change nor the attempt stands without the other.
func TestAChangeAndAnAttemptFailTogether(t *testing.T) {
	f := newFixture(t)
	boom := func(context.Context, store.Tx, guard.Note) error { return errBoom }
	if a, err := f.DoAndAttempt(t.Context(), core.LocalUser, making, within, showing, boom); err == nil || !a.IsZero() {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := f.DoAndAttempt(t.Context(), core.LocalUser, making, within, guard.Act{Action: guard.SecretReveal, Subject: "secret:a"}, func(context.Context, store.Tx, guard.Note) error {
		t.Error("the change was made before an exposure that is denied")
		return nil
	}); core.CodeOf(err) != core.Forbidden || !a.IsZero() {
		t.Errorf("%v, %v", a, err)
	}
	want := []string{"user:local workspace.create workspace:w failed", "workspace:w secret.reveal secret:a denied"}
	if diff := cmp.Diff(want, f.trail(t)); diff != "" {
		t.Error(diff)
	}
}
