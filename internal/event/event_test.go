package event_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/event"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

var (
	alice = core.Owner{Kind: core.UserOwner, ID: "usr_alice"}
	bob   = core.Owner{Kind: core.UserOwner, ID: "usr_bob"}
)

func as(o core.Owner) core.Actor {
	return core.Actor{Kind: core.UserActor, ID: o.ID, Owner: o, Scopes: core.AllScopes}
}

type fixture struct {
	guardtest.Kit
	*event.Events
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	k := guardtest.New(t)
	return fixture{k, event.New(k.Guard, change.New(k.Store, time.Millisecond))}
}

// following is a fixture whose feed runs.
func following(t *testing.T) fixture {
	t.Helper()
	k := guardtest.New(t)
	feed := change.New(k.Store, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return fixture{k, event.New(k.Guard, feed)}
}

func (f fixture) secret(t *testing.T, o core.Owner, id string) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Microsecond)
	err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Secrets().Create(t.Context(), core.SealedSecret{
			Secret: core.Secret{ID: id, Owner: o, Name: id, Version: 1, ValueVersion: 1, CreatedAt: at, UpdatedAt: at},
			KeyID:  "key", Ciphertext: []byte("x"),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f fixture) follow(t *testing.T, o core.Owner, after int64) *event.Stream {
	t.Helper()
	s, err := f.Follow(t.Context(), as(o), after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// next waits for n events.
func next(t *testing.T, s *event.Stream, n int) []event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var out []event.Event
	for len(out) < n {
		some, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(out), n, err)
		}
		out = append(out, some...)
	}
	return out
}

func records(events []event.Event) string {
	var out []string
	for _, e := range events {
		name := e.Record
		if e.Org {
			name = "org:" + name
		}
		if e.Kind == event.Reset {
			name = event.Reset
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// One's own records and the organisation's, in order; nobody else's.
func TestWhomAnEventConcerns(t *testing.T) {
	f := following(t)
	s := f.follow(t, alice, event.Newest)
	f.secret(t, alice, "a1")
	f.secret(t, bob, "b1")
	f.secret(t, core.Org, "o1")
	f.secret(t, alice, "a2")
	got := next(t, s, 3)
	if records(got) != "a1 org:o1 a2" {
		t.Errorf("got %s", records(got))
	}
	if !slices.IsSortedFunc(got, func(a, b event.Event) int { return int(a.Seq - b.Seq) }) {
		t.Errorf("not in order: %+v", got)
	}
}

// A stream that broke goes on after the last event that was seen: none comes
// twice, none is missing.
func TestGoingOnAfterAnEvent(t *testing.T) {
	f := following(t)
	first := f.follow(t, alice, event.Newest)
	for _, id := range []string{"a1", "a2", "a3"} {
		f.secret(t, alice, id)
	}
	seen := next(t, first, 3)
	first.Close()
	f.secret(t, alice, "a4")
	for i, e := range seen {
		rest := next(t, f.follow(t, alice, e.Seq), 3-i)
		if want := strings.Join([]string{"a1", "a2", "a3", "a4"}[i+1:], " "); records(rest) != want {
			t.Errorf("after %d: got %q, want %q", i, records(rest), want)
		}
	}
}

// What is no longer kept, and what never was, begins with a reset.
func TestResets(t *testing.T) {
	f := newFixture(t)
	f.secret(t, alice, "a1")
	s := f.follow(t, alice, 1_000_000)
	if got := next(t, s, 1); records(got) != event.Reset || got[0].Seq != s.Last() {
		t.Errorf("got %+v, at %d", got, s.Last())
	}
	again := f.follow(t, alice, s.Last())
	events, err := again.Next(t.Context())
	if err != nil || len(events) != 0 {
		t.Errorf("after the reset: %+v, %v", events, err)
	}
}

// A stream ends with its context and costs nothing while nothing happens.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s := f.follow(t, alice, event.Newest)
		if events, err := s.Next(t.Context()); err != nil || len(events) != 0 {
			t.Fatalf("the beginning: %+v, %v", events, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := s.Next(ctx); err == nil {
			t.Error("an event from nowhere")
		}
	})
}

// A session key says what is inside its workspace and follows nothing.
func TestWhoMayFollow(t *testing.T) {
	f := newFixture(t)
	for _, kind := range []core.ActorKind{core.WorkspaceActor, core.GatewayActor, core.LauncherActor} {
		if s, err := f.Follow(t.Context(), core.Actor{Kind: kind, ID: "x", Owner: alice}, event.Newest); core.CodeOf(err) != core.Forbidden || s != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := f.Follow(t.Context(), as(bob).On(alice), event.Newest); core.CodeOf(err) != core.Forbidden {
		t.Errorf("another user: %v", err)
	}
}
