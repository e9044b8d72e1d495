package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/workspace"
)

// begun is a flight with its context.
type begun struct {
	context.Context
	*broker.Flight
}

func begin(t *testing.T, h *brokertest.Home, key string) (begun, error) {
	t.Helper()
	ctx, f, err := h.Broker.Begin(t.Context(), key, func() string { return "192.0.2.1" })
	if err == nil {
		t.Cleanup(f.End)
	}
	return begun{ctx, f}, err
}

func newFlight(t *testing.T, h *brokertest.Home) (core.Workspace, begun) {
	t.Helper()
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := begin(t, h, key)
	if err != nil {
		t.Fatal(err)
	}
	return w, f
}

// over waits for the end of a flight that was taken its grant.
func (b begun) over(t *testing.T) {
	t.Helper()
	select {
	case <-b.Context.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the flight goes on")
	}
	if reason(b.Flight.Err()) != "gateway_key_revoked" {
		t.Errorf("error %v", b.Flight.Err())
	}
}

func (b begun) goesOn(t *testing.T) {
	t.Helper()
	if b.Context.Err() != nil || b.Flight.Err() != nil {
		t.Errorf("the flight has ended: %v %v", b.Context.Err(), b.Flight.Err())
	}
}

// Several flights of one workspace end together, those of others go on, and one
// that has ended by itself was not taken its grant.
func TestFlightsEndWithTheirWorkspace(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{})
	w, first := newFlight(t, h)
	_, others := newFlight(t, h)
	_, ended := newFlight(t, h)
	ended.End()
	ended.End()
	if ended.Context.Err() == nil || ended.Flight.Err() != nil {
		t.Errorf("after its end: %v, %v", ended.Context.Err(), ended.Flight.Err())
	}
	if err := h.Workspaces.End(t.Context(), core.LocalUser, w.ID, 0); err != nil {
		t.Fatal(err)
	}
	first.over(t)
	others.goesOn(t)
}

// A key is rotated while requests come with the old one: whichever moment they
// began at, they end. Those with the new one go on.
func TestFlightsThatBeginMeanwhile(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	flights, rotated := make(chan begun, 1<<16), make(chan string, 1)
	go func() {
		defer close(rotated)
		if _, _, anew, err := h.Workspaces.Rotate(t.Context(), core.LocalUser, w.ID, 0); err == nil {
			rotated <- string(anew.Reveal())
		}
	}()
	for n := 0; n < cap(flights); n++ {
		f, err := begin(t, h, key)
		if err != nil {
			break
		}
		flights <- f
	}
	close(flights)
	anew, err := begin(t, h, <-rotated)
	if err != nil {
		t.Fatal(err)
	}
	for f := range flights {
		f.over(t)
	}
	anew.goesOn(t)
}

// inTime is an error where the machine stood still for longer than something had.
func inTime(end time.Time) error {
	if time.Now().Before(end) {
		return nil
	}
	return errors.New("too late")
}

// A flight ends when its workspace expires, and not when that was renewed
// meanwhile, of which no change tells.
func TestFlightsExpire(t *testing.T) {
	h, st := openAway(t, brokertest.Options{})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	var f begun
	end := expiring(t, h, w.ID, func(time.Time) (err error) { f, err = begin(t, h, key); return err })
	f.over(t)
	if time.Now().Before(end) {
		t.Error("it ended too early")
	}
	end = expiring(t, h, w.ID, func(end time.Time) (err error) {
		f, err = begin(t, h, key)
		setExpiry(t, h, w.ID, time.Now().Add(time.Hour))
		return errors.Join(err, inTime(end))
	})
	reads := st.reads.Load()
	wait(t, func() bool { return time.Now().After(end) && st.reads.Load() > reads })
	f.goesOn(t)
}

// While the store is away nobody can say whether a grant still holds. What is
// under way goes on until somebody can.
func TestFlightsGoOnWhileTheStoreIsAway(t *testing.T) {
	h, st := openAway(t, brokertest.Options{})
	w, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	var f begun
	expiring(t, h, w.ID, func(end time.Time) (err error) {
		st.gone.Store(false)
		f, err = begin(t, h, key)
		st.gone.Store(true)
		return errors.Join(err, inTime(end))
	})
	reads := st.reads.Load()
	wait(t, func() bool { return st.reads.Load() >= reads+3 })
	f.goesOn(t)
	st.gone.Store(false)
	f.over(t)
}
