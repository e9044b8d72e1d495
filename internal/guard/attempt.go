package guard

import (
	"context"
	"sync/atomic"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Attempted is an attempt at an exposure that is durable already. It is for one
// exposure; the zero value for none.
type Attempted struct {
	actor core.Actor
	act   Act
	seq   int64
	spent *atomic.Bool
}

// IsZero says whether there was no attempt.
func (a Attempted) IsZero() bool { return a.seq == 0 }

// DoAndAttempt is Do for a change that an exposure follows at once: the attempt at
// that, by whom is next, stands behind the change's entry in the same transaction,
// and so costs no flush of its own.
func (g *Guard) DoAndAttempt(ctx context.Context, actor core.Actor, act Act, next core.Actor, then Act, fn func(ctx context.Context, tx store.Tx, note Note) error) (Attempted, error) {
	act, then = act.of(actor), then.of(next)
	if err := g.allow(ctx, actor, act); err != nil {
		return Attempted{}, err
	}
	if err := g.allow(ctx, next, then); err != nil {
		return Attempted{}, err
	}
	out := Attempted{actor: next, act: then, spent: new(atomic.Bool)}
	err := g.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := g.change(ctx, tx, actor, act, fn); err != nil {
			return err
		}
		out.seq, err = g.add(ctx, tx, entry(next, then, Attempt, then.Detail))
		return err
	})
	if err != nil {
		return Attempted{}, g.failed(ctx, actor, act, err)
	}
	return out, nil
}

// ExposeAttempted is Expose of what DoAndAttempt wrote down. Errors: also internal,
// where that is not so, or was exposed already.
func (g *Guard) ExposeAttempted(ctx context.Context, a Attempted, fn func(ctx context.Context, tx store.Tx, note Note) error) error {
	if a.IsZero() || a.spent.Swap(true) {
		return core.Errorf(core.Internal, "nothing was handed out, since no attempt at it is written down").WithHint("report this as a defect")
	}
	return g.exposed(ctx, a.actor, a.act, a.seq, fn)
}
