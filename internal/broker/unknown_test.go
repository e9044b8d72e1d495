package broker_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
)

// stuck is a store in which reads wait while it is shut.
type stuck struct {
	store.Store
	shut   atomic.Bool
	inside chan struct{} // one for each that waits
	open   chan struct{}
}

func (s *stuck) View(ctx context.Context, fn func(store.Tx) error) error {
	if s.shut.Load() {
		s.inside <- struct{}{}
		<-s.open
	}
	return s.Store.View(ctx, fn)
}

func madeUp() string { return string(core.NewToken(core.GatewayKeyPrefix).Reveal()) }

// A stranger with made-up keys took the gateway from everybody whose key was not
// known yet: all had one allowance of such, and it was refused that they be looked
// at. Now each is answered by what it is.
func TestMadeUpKeysTakeNothingFromGoodOnes(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{Idle: true})
	for range 500 {
		if _, err := h.Broker.Grant(t.Context(), madeUp()); reason(err) != "gateway_key_revoked" {
			t.Fatalf("a made-up key: %v", err)
		}
	}
	_, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Broker.Grant(t.Context(), key); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, bad := range []string{"", "kfg_", key + "x", key[:len(key)-1] + "!", "sk-ant-x"} {
		_, err := h.Broker.Grant(t.Context(), bad)
		if core.CodeOf(err) != core.Unauthenticated {
			t.Errorf("%d characters: error %v", len(bad), err)
		}
	}
}

// The same stranger comes on many connections at once, and the store takes its
// time: only a few of theirs are in it, and another client's key is looked up
// beside them.
func TestOneClientsKeysAreLookedUpAFewAtOnce(t *testing.T) {
	st := &stuck{inside: make(chan struct{}, 1000), open: make(chan struct{})}
	h := openHome(t, t.TempDir(), brokertest.Options{Idle: true, Store: func(s store.Store) store.Store { st.Store = s; return st }})
	_, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	st.shut.Store(true)
	var wg sync.WaitGroup
	ask := func(key, from, want string) {
		wg.Go(func() {
			_, f, err := h.Broker.Begin(t.Context(), key, func() string { return from })
			if err == nil {
				f.End()
			}
			if reason(err) != want {
				t.Errorf("from %s: %v, want %q", from, err, want)
			}
		})
	}
	for range 100 {
		ask(madeUp(), "stranger", "gateway_key_revoked")
	}
	const each = 4
	for range each {
		<-st.inside
	}
	for range 2 {
		ask(key, "somebody", "")
		<-st.inside
	}
	if n := len(st.inside); n != 0 {
		t.Errorf("%d more are in the store", n)
	}
	st.shut.Store(false)
	close(st.open)
	wg.Wait()
}
