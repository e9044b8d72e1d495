package broker

import (
	"context"
	"log/slog"
	"time"

	"keyfob/internal/core"
)

// retryEvery is how soon a failed reload is tried again.
const retryEvery = 500 * time.Millisecond

// follower keeps what the broker holds up with the store. Between two owners it
// looks for news, so that a key that is taken back does not wait for many
// accounts to be loaded.
type follower struct {
	b      *Broker
	dirty  owners // to load anew
	failed owners // to try again
}

func (f *follower) run(ctx context.Context, changes <-chan []core.Change) error {
	now := make(chan struct{})
	close(now)
	var again <-chan time.Time
	for {
		f.one(ctx)
		if len(f.failed) > 0 && again == nil {
			again = time.After(retryEvery)
		}
		var more chan struct{}
		if len(f.dirty) > 0 {
			more = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again:
			f.retry()
			again = nil
		case cs, ok := <-changes:
			if !ok {
				changes = nil // Close was first
				continue
			}
			f.b.follow(cs, f.dirty)
		case <-more:
		}
	}
}

// one loads one owner anew; where that fails the owner keeps what there was.
func (f *follower) one(ctx context.Context) {
	for o := range f.dirty {
		delete(f.dirty, o)
		if err := f.b.load(ctx, o); err != nil && ctx.Err() == nil {
			f.b.Log.LogAttrs(ctx, slog.LevelWarn, "accounts not reloaded", slog.String("owner", o.String()), slog.String("cause", err.Error()))
			f.failed[o] = true
		}
		return
	}
}

func (f *follower) retry() {
	for o := range f.failed {
		f.dirty[o] = true
	}
	clear(f.failed)
}

// follow takes changes in: keys of workspaces are forgotten at once, and the
// requests under way with them are looked at; the owners to load anew are added to
// dirty. nil stands for any change.
func (b *Broker) follow(cs []core.Change, dirty owners) {
	if cs == nil {
		b.grants.forgetAll()
		b.flights.doubtOf(func(core.Owner) bool { return true })
		for o := range b.known() {
			dirty[o] = true
		}
		return
	}
	known := b.known()
	for _, c := range cs {
		switch c.Kind {
		case "workspace":
			b.grants.forget(c.ID)
			b.flights.doubt(c.ID)
		case "user":
			b.grants.forgetOwner(c.Owner)
			b.flights.doubtOf(func(o core.Owner) bool { return o == c.Owner })
		case "account", "health", "key", "pool":
			if known[c.Owner] {
				dirty[c.Owner] = true
			}
		}
	}
}
