// Package event tells an actor what changed among the records that concern them,
// as it changes, and from any event on that is still kept.
//
// An event's number is that of the change in the store's log, so it means the
// same in every process on that store, and after a restart.
package event

import (
	"context"
	"slices"

	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Events follows changes. It is safe for concurrent use.
type Events struct {
	guard *guard.Guard
	feed  *change.Feed
}

// New makes an Events; it does no I/O. The feed is run by whoever made it: while
// it is not, nothing comes.
func New(g *guard.Guard, f *change.Feed) *Events { return &Events{g, f} }

// Event is one change.
type Event struct {
	Seq    int64
	Kind   string // of core.Change; Reset: some were missed
	Org    bool   // the record is the organisation's
	Record string // its id; empty of a reset, and of one that is for another user alone
}

// Reset is the kind of an event that says that some were missed: whoever follows
// reads everything anew.
const Reset = "reset"

// Newest is the after of Follow that leaves out what was before.
const Newest = -1

// batch is how many changes are read at once.
const batch = 1000

// Stream is one actor's events from one on. It is not safe for concurrent use.
type Stream struct {
	events *Events
	actor  core.Actor
	last   int64 // number of the newest change that was looked at
	fresh  bool  // nothing was looked at yet
	proof  bool  // among the changes that the last Next went by was one of the actor's proof
	news   <-chan []core.Change
	cancel func()
}

// Follow begins a stream after the event with this number. The caller closes it.
// Errors: forbidden.
func (e *Events) Follow(ctx context.Context, actor core.Actor, after int64) (*Stream, error) {
	s := &Stream{events: e, actor: actor, last: after, fresh: true}
	s.news, s.cancel = e.feed.Subscribe() // before the log is looked at, so that nothing falls in between
	err := s.read(ctx, func(ctx context.Context, tx store.Tx) error {
		if after != Newest {
			return nil
		}
		var err error
		s.last, err = tx.Changes().Last(ctx)
		return err
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the stream.
func (s *Stream) Close() { s.cancel() }

// Last is the number after which the stream goes on.
func (s *Stream) Last() int64 { return s.last }

// Next waits for changes and gives the events among them, which may be none: so
// the caller sees that something happened, and Last that it went by. Errors: that
// of ctx at its end, and what the store gives.
func (s *Stream) Next(ctx context.Context) ([]Event, error) {
	s.proof = false
	if s.fresh {
		s.fresh = false
		return s.catchUp(ctx)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case changes := <-s.news:
		if !s.follows(changes) {
			return s.catchUp(ctx)
		}
		return s.taken(ctx, changes)
	}
}

// Doubtful says whether the actor may not be who they were: the last Next went by
// a change of what proves them, be it one that they are not told of.
func (s *Stream) Doubtful() bool { return s.proof }

// follows says whether the changes go on right where the stream is; they may
// begin before.
func (s *Stream) follows(changes []core.Change) bool {
	return len(changes) > 0 && changes[0].Seq <= s.last+1
}

// catchUp reads the log from where the stream is.
func (s *Stream) catchUp(ctx context.Context) ([]Event, error) {
	var out []Event
	err := s.read(ctx, func(ctx context.Context, tx store.Tx) error {
		first, err := tx.Changes().First(ctx)
		if err != nil {
			return err
		}
		newest, err := tx.Changes().Last(ctx)
		if err != nil {
			return err
		}
		if s.last > newest || s.last < first-1 {
			s.last, s.proof = newest, true
			out = []Event{{Seq: newest, Kind: Reset}}
			return nil
		}
		for s.last < newest {
			some, err := tx.Changes().After(ctx, s.last, batch)
			if err != nil || len(some) == 0 {
				return err
			}
			events, err := s.reaching(ctx, tx, s.take(some))
			if err != nil {
				return err
			}
			out = append(out, events...)
		}
		return nil
	})
	return out, err
}

func (s *Stream) read(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	act := guard.Act{Action: guard.EventsRead, Subject: "events"}
	return s.events.guard.Read(ctx, s.actor, act, fn)
}

// take goes past the changes and gives those that concern the actor.
func (s *Stream) take(changes []core.Change) []Event {
	var out []Event
	for _, c := range changes {
		if c.Seq <= s.last {
			continue
		}
		s.last = c.Seq
		if e, ok := s.concerns(c); ok {
			out = append(out, e)
		}
	}
	return out
}

// concerns: one's own records, and of the organisation's those that reach
// everybody's workspaces; of both, what one could read. What keys seal them is
// nobody's to follow.
func (s *Stream) concerns(c core.Change) (Event, bool) {
	org, own := c.Owner == core.Org, c.Owner == s.actor.Owner
	need, known := scopeOf(c.Kind)
	if own && slices.Contains(proofs(), c.Kind) {
		s.proof = true
	}
	ok := known && s.actor.Scopes.Has(need) && (own || org && slices.Contains(shared(), c.Kind))
	return Event{Seq: c.Seq, Kind: c.Kind, Org: org, Record: c.ID}, ok
}

// scopeOf is what it takes to read a kind of record.
func scopeOf(kind string) (need core.Scopes, known bool) {
	switch kind {
	case "secret", "profile", "mcp":
		return core.SecretsRead, true
	case "account", "pool", "health":
		return core.AccountsRead, true
	case "workspace":
		return core.WorkspacesRead, true
	case "token", "session":
		return core.TokensRead, true
	case "user":
		return 0, true
	}
	return 0, false
}

func shared() []string { return []string{"secret", "account", "pool", "health"} }

// proofs are the kinds with which an actor's proof may end.
func proofs() []string { return []string{"user", "token", "session"} }
