package event

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// taken is take with what reaches the actor, for changes that were not read here.
// The store is asked only where one of them is the organisation's.
func (s *Stream) taken(ctx context.Context, changes []core.Change) ([]Event, error) {
	out := s.take(changes)
	if !s.asks(out) {
		return out, nil
	}
	err := s.read(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		out, err = s.reaching(ctx, tx, out)
		return err
	})
	return out, err
}

// asks says whether of some event it takes the store to know whom it is for.
func (s *Stream) asks(events []Event) bool {
	if s.actor.Admin && s.actor.Scopes.Has(core.AdminRead) {
		return false
	}
	for _, e := range events {
		if e.Org && selects(e.Kind) {
			return true
		}
	}
	return false
}

// reaching leaves out what is for another user's workspaces alone, as the lists of
// what the organisation gives do. Of a record that was changed, and may have been
// for this one before, it says that there was one and not which, so that whoever
// follows reads the list again. One that is gone is told: its id says nothing now.
func (s *Stream) reaching(ctx context.Context, tx store.Tx, events []Event) ([]Event, error) {
	if !s.asks(events) {
		return events, nil
	}
	u, err := tx.Users().Get(ctx, s.actor.ID)
	if unlessGone(err) != nil {
		return nil, err
	}
	out := events[:0]
	for _, e := range events {
		selector, first, err := selectorOf(ctx, tx, e)
		switch {
		case err != nil:
			return nil, err
		case selector.MayReach(u.Name):
			out = append(out, e)
		case !first && e.Kind != "health":
			e.Record = ""
			out = append(out, e)
		}
	}
	return out, nil
}

// selects says whether records of this kind have a selector, or are of one that
// has.
func selects(kind string) bool { return kind == "secret" || kind == "account" || kind == "health" }

// selectorOf is that of an event's record, and whether the record is as it was
// made; none where it is gone, or has none that this is about.
func selectorOf(ctx context.Context, tx store.Tx, e Event) (of core.Selector, first bool, err error) {
	switch {
	case !e.Org || !selects(e.Kind):
		return nil, false, nil
	case e.Kind == "secret":
		got, err := tx.Secrets().ByID(ctx, e.Record)
		return got.Selector, got.Version == 1, unlessGone(err)
	}
	got, err := tx.Accounts().ByID(ctx, e.Record)
	return got.Selector, got.Version == 1, unlessGone(err)
}

func unlessGone(err error) error {
	if core.CodeOf(err) == core.NotFound {
		return nil
	}
	return err
}
