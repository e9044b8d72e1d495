package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/usage"
)

const (
	// limitsRead is how old what other processes counted may be while it is in
	// use.
	limitsRead = 10 * time.Second
	// limitsLeft bounds the owners that wait to be read again.
	limitsLeft = 4096
)

// The reasons of what keeps one user from an account.
const (
	reasonSpent   = "the user's limit for today"
	reasonUnknown = "what the user has used is not known"
)

// limits knows what each user has used today of the organisation's accounts. The
// first request of a user and day reads it; from then on this process counts
// along, and reads again now and then what other processes did. A request counts
// when its answer is over, so requests that are under way at once may exceed a
// limit by their own number and tokens. An answer that did not say all that it used
// counts by an estimate, see estimate.
type limits struct {
	counter *usage.Counter // nil: nothing is known
	log     *slog.Logger
	wake    chan struct{}

	mu  sync.Mutex // guards what is below
	old owners     // to be read again
}

func newLimits(c *usage.Counter, log *slog.Logger) *limits {
	return &limits{counter: c, log: log, wake: make(chan struct{}, 1), old: owners{}}
}

// ready makes what the owner has used on a day known, and says whether it is.
func (l *limits) ready(ctx context.Context, o core.Owner, day string) bool {
	if l.counter == nil {
		return false
	}
	_, read := l.counter.Spent(o, "", day)
	switch {
	case read.IsZero():
		err := l.counter.Learn(ctx, day, limitsRead, o)
		if err != nil && ctx.Err() == nil {
			l.log.LogAttrs(ctx, slog.LevelWarn, "usage not read", slog.String("owner", o.String()), slog.String("cause", err.Error()))
		}
		return err == nil
	case time.Since(read) >= limitsRead:
		l.readAgain(o)
	}
	return true
}

func (l *limits) readAgain(o core.Owner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.old) < limitsLeft {
		l.old[o] = true
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run reads again whatever became old, until ctx ends.
func (l *limits) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		list := l.take()
		if err := l.counter.Learn(ctx, l.counter.Day(time.Now()), limitsRead, list...); err != nil && ctx.Err() == nil {
			l.log.LogAttrs(ctx, slog.LevelWarn, "usage not read", slog.Int("owners", len(list)), slog.String("cause", err.Error()))
		}
	}
}

func (l *limits) take() []core.Owner {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]core.Owner, 0, len(l.old))
	for o := range l.old {
		out = append(out, o)
	}
	clear(l.old)
	return out
}

// spent says whether a user has used up what the limit allows.
func (l *limits) spent(o core.Owner, a *account, day string) bool {
	s, _ := l.counter.Spent(o, a.ID, day)
	return a.Limit.Requests > 0 && s.Requests >= a.Limit.Requests || a.Limit.Tokens > 0 && s.Tokens >= a.Limit.Tokens
}

// skip passes over an account that this workspace may not use, or of which its
// user has had the day's share.
func (x *exchange) skip(id string) (failover.Health, bool) {
	a := x.account(id)
	switch {
	case a == nil:
		return failover.Health{}, false
	case !a.Selector.Matches(x.call.Grant.Labels):
		return failover.Health{}, true
	case a.Limit == (core.Limit{}):
		return failover.Health{}, false
	case !x.counted:
		return failover.Health{ID: id, Kind: failover.Transient, Until: x.begun.Add(time.Second), Reason: reasonUnknown}, true
	case x.b.limits.spent(x.call.Grant.Owner, a, x.day):
		return failover.Health{ID: id, Kind: failover.Limited, Until: midnight(x.begun), Reason: reasonSpent}, true
	}
	return failover.Health{}, false
}

// midnight is when the UTC day of a moment ends.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }
