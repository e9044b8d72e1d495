package broker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
)

// away is a store that can be out of reach, and counts how often it is read.
type away struct {
	store.Store
	gone  atomic.Bool
	reads atomic.Int64
}

func (a *away) fault() error {
	if a.gone.Load() {
		return core.Errorf(core.Unavailable, "the store is away")
	}
	return nil
}

func (a *away) Version(ctx context.Context) (int64, error) {
	if err := a.fault(); err != nil {
		return 0, err
	}
	return a.Store.Version(ctx)
}

func (a *away) View(ctx context.Context, fn func(store.Tx) error) error {
	a.reads.Add(1)
	if err := a.fault(); err != nil {
		return err
	}
	return a.Store.View(ctx, fn)
}

func (a *away) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := a.fault(); err != nil {
		return err
	}
	return a.Store.Update(ctx, fn)
}

func openAway(t *testing.T, o brokertest.Options) (*brokertest.Home, *away) {
	t.Helper()
	a := &away{}
	o.Store = func(st store.Store) store.Store { a.Store = st; return a }
	return openHome(t, t.TempDir(), o), a
}

func reason(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Reason
	}
	return ""
}

// While the store is away, keys that were good go on for the grace, from the last
// time that the feed heard of it, and keys that are not known are refused.
func TestGrace(t *testing.T) {
	h, st := openAway(t, brokertest.Options{})
	_, known, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	_, unknown, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	// The feed may still tell of the workspace's making, which makes the broker
	// ask the store once more: then it is tried again.
	wait(t, func() bool {
		st.gone.Store(false)
		wait(t, func() bool { return !h.Feed.Confirmed().IsZero() && h.Feed.Err() == nil })
		if _, err := h.Broker.Grant(t.Context(), known); err != nil {
			t.Fatal(err)
		}
		st.gone.Store(true)
		wait(t, func() bool { return h.Feed.Err() != nil })
		_, err := h.Broker.Grant(t.Context(), known)
		return err == nil
	})
	if _, err := h.Broker.Grant(t.Context(), unknown); core.CodeOf(err) != core.Unavailable {
		t.Errorf("the unknown key: %v", err)
	}
}

// Without a grace, known keys are good for as long as the feed hears of the
// store, and no longer.
func TestNoGrace(t *testing.T) {
	h, st := openAway(t, brokertest.Options{Grace: -1})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := h.Broker.Grant(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	st.gone.Store(true)
	wait(t, func() bool {
		_, err := h.Broker.Grant(t.Context(), key)
		if err != nil && (core.CodeOf(err) != core.Unavailable || reason(err) != "unconfirmed") {
			t.Fatalf("error %v", err)
		}
		return err != nil
	})
	st.gone.Store(false)
	wait(t, func() bool {
		_, err := h.Broker.Grant(t.Context(), key)
		return err == nil
	})
	if err := h.Workspaces.End(t.Context(), core.LocalUser, w.ID, 0); err != nil {
		t.Fatal(err)
	}
	waitRevoked(t, h, key)
}

func waitRevoked(t *testing.T, h *brokertest.Home, key string) {
	t.Helper()
	wait(t, func() bool {
		_, err := h.Broker.Grant(t.Context(), key)
		return reason(err) == "gateway_key_revoked"
	})
}

func setExpiry(t *testing.T, h *brokertest.Home, id string, at time.Time) {
	t.Helper()
	err := h.Store.Update(t.Context(), func(tx store.Tx) error { return tx.Workspaces().Renew(t.Context(), id, at) })
	if err != nil {
		t.Fatal(err)
	}
}

// expiring lets a workspace expire soon, though not before begin has seen it live,
// and gives the moment.
func expiring(t *testing.T, h *brokertest.Home, id string, begin func(end time.Time) error) time.Time {
	t.Helper()
	for d := 300 * time.Millisecond; ; d *= 2 {
		at := time.Now().Add(d)
		setExpiry(t, h, id, at)
		err := begin(at)
		switch {
		case err == nil:
			return at
		case time.Now().Before(at):
			t.Fatal(err)
		}
	}
}

// A renewal is no change that the feed tells. A key whose time seems to be over is
// looked up again, once; one whose time is over is refused, in whatever process.
func TestExpiry(t *testing.T) {
	h, st := openAway(t, brokertest.Options{Idle: true})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	get := func() (broker.Grant, error) { return h.Broker.Grant(t.Context(), key) }
	var g broker.Grant
	soon := expiring(t, h, w.ID, func(time.Time) error { g, err = get(); return err })
	if !g.ExpiresAt.Equal(soon.Truncate(time.Microsecond)) {
		t.Fatalf("expires at %v, want %v", g.ExpiresAt, soon)
	}
	later := time.Now().Add(time.Hour)
	setExpiry(t, h, w.ID, later)
	wait(t, func() bool {
		g, err := get()
		if err != nil {
			t.Fatalf("renewed, and refused: %v", err)
		}
		return g.ExpiresAt.After(soon.Add(time.Minute))
	})
	reads := st.reads.Load()
	for range 10 {
		if _, err := get(); err != nil {
			t.Fatal(err)
		}
	}
	if n := st.reads.Load() - reads; n != 0 {
		t.Errorf("a renewed key is looked up %d more times", n)
	}

	over, gone, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	setExpiry(t, h, over.ID, time.Now().Add(-time.Second))
	if _, err := h.Broker.Grant(t.Context(), gone); reason(err) != "gateway_key_revoked" {
		t.Errorf("an expired key: %v", err)
	}
}

// A key that was good is refused from the very moment that it expires at, though
// nobody has said so.
func TestKnownKeyExpires(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{Idle: true})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(200 * time.Millisecond)
	setExpiry(t, h, w.ID, end)
	wait(t, func() bool {
		begun := time.Now()
		_, err := h.Broker.Grant(t.Context(), key)
		switch {
		case err == nil && begun.After(end):
			t.Fatal("good after its end")
		case err != nil && reason(err) != "gateway_key_revoked":
			t.Fatal(err)
		}
		return err != nil
	})
}

// Somebody was disabled, and their running agents went on with the gateway keys
// that they had.
func TestDisabledUsersKeysAreRefused(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{})
	i, err := identity.New(identity.Config{Guard: h.Guard, Store: h.Store})
	if err != nil {
		t.Fatal(err)
	}
	ann, err := h.User(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := h.WorkspaceOf(t.Context(), ann, workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.Broker.Grant(t.Context(), key)
	if err != nil || g.UserName != "ann" || g.Labels[core.UserLabel] != "ann" {
		t.Fatalf("%+v, %v", g, err)
	}
	yes := true
	if _, err := i.UpdateUser(t.Context(), core.LocalUser.On(core.Org), "ann", identity.Edit{Disabled: &yes}, 0); err != nil {
		t.Fatal(err)
	}
	waitRevoked(t, h, key)
}

// The same where the record of the user alone says so.
func TestWorkspaceOfADisabledUser(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{})
	ann, err := h.User(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := h.WorkspaceOf(t.Context(), ann, workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Broker.Grant(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	err = h.Store.Update(t.Context(), func(tx store.Tx) error {
		u, err := tx.Users().Get(t.Context(), ann.ID)
		if err != nil {
			return err
		}
		u.Disabled = true
		return tx.Users().Update(t.Context(), u, u.Version)
	})
	if err != nil {
		t.Fatal(err)
	}
	waitRevoked(t, h, key)
}

// Another label is another view of the accounts, without a restart.
func TestLabelsAreFollowed(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{Labels: map[string]string{"team": "web"}})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := h.Broker.Grant(t.Context(), key); err != nil || g.Labels["team"] != "web" {
		t.Fatalf("%+v, %v", g, err)
	}
	if _, err := h.Workspaces.Update(t.Context(), core.LocalUser, w.ID, map[string]string{"team": "ops"}, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool {
		g, err := h.Broker.Grant(t.Context(), key)
		return err == nil && g.Labels["team"] == "ops"
	})
}
