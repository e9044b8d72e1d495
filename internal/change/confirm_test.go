package change

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/store"
)

// away is a store that can be out of reach, and counts how often it was asked.
type away struct {
	store.Store
	gone  atomic.Bool
	asked atomic.Int64
}

func (a *away) Version(ctx context.Context) (int64, error) {
	defer a.asked.Add(1)
	if a.gone.Load() {
		return 0, errors.New("the store is away")
	}
	return a.Store.Version(ctx)
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// The confirmation stands still while the store is away, and goes on after.
func TestConfirmed(t *testing.T) {
	st, _ := newStore(t)
	a := &away{Store: st}
	a.gone.Store(true)
	f := New(a, time.Millisecond)
	before := time.Now()
	run(t, f)
	polls := func(n int64) {
		t.Helper()
		seen := a.asked.Load()
		until(t, "the store is asked again", func() bool { return a.asked.Load() >= seen+n })
	}
	polls(3)
	if c := f.Confirmed(); !c.IsZero() {
		t.Errorf("confirmed at %v by a store that is away", c)
	}
	a.gone.Store(false)
	until(t, "a first confirmation", func() bool { return !f.Confirmed().IsZero() })
	if c := f.Confirmed(); c.Before(before) || c.After(time.Now()) {
		t.Errorf("confirmed at %v, between %v and now", c, before)
	}
	first := f.Confirmed()
	until(t, "a later one", func() bool { return f.Confirmed().After(first) })

	a.gone.Store(true)
	polls(3) // what was under way is over
	last := f.Confirmed()
	polls(3)
	if c := f.Confirmed(); !c.Equal(last) || f.Err() == nil {
		t.Errorf("confirmed at %v after %v by a store that is away", c, last)
	}
	a.gone.Store(false)
	until(t, "it is back", func() bool { return f.Confirmed().After(last) })
}
