// Package change tells those who keep records in memory what changed in the
// store, whichever process changed it.
package change

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

const (
	defaultEvery = 200 * time.Millisecond
	batch        = 1000 // changes of one reading
	maxPending   = 1000 // changes that wait for a slow subscriber; more are "reload all"
)

// Feed follows a store by polling. It is safe for concurrent use.
type Feed struct {
	store store.Store
	every time.Duration

	confirmed atomic.Int64 // nanoseconds from born to the start of the last reading that went well; 0: none did
	born      time.Time

	mu   sync.Mutex // guards what is below
	subs map[*subscriber]struct{}
	err  error
}

type subscriber struct{ ch chan []core.Change }

// New makes a Feed that asks the store each interval, 200 ms if it is 0. It does
// no I/O.
func New(st store.Store, every time.Duration) *Feed {
	if every <= 0 {
		every = defaultEvery
	}
	return &Feed{store: st, every: every, born: time.Now(), subs: map[*subscriber]struct{}{}}
}

// Subscribe gives a channel of changes, oldest first, and a func that ends the
// subscription and closes the channel. A nil batch means "reload everything": it
// comes when Run starts, to a subscriber that was too slow, and after a gap in
// the store's log. Whoever subscribes first and loads afterwards misses nothing;
// a change may come twice.
func (f *Feed) Subscribe() (<-chan []core.Change, func()) {
	s := &subscriber{ch: make(chan []core.Change, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[s] = struct{}{}
	return s.ch, func() { f.cancel(s) }
}

func (f *Feed) cancel(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, live := f.subs[s]; live {
		delete(f.subs, s)
		close(s.ch)
	}
}

// Err is the error of the last reading, nil if it went well: while there is one,
// nothing is known of what changed since.
func (f *Feed) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Confirmed is a moment up to which all changes were told to the subscribers, or
// wait for them: the start of the last reading of the store that went well; zero
// before the first. It costs no lock, and is meant to be compared with the time
// now: a Feed that runs and reaches its store is one interval behind.
func (f *Feed) Confirmed() time.Time {
	if d := f.confirmed.Load(); d > 0 {
		return f.born.Add(time.Duration(d))
	}
	return time.Time{}
}

// Run follows the store until ctx ends, and then gives nil. A reading that fails
// is repeated at the next interval. Call it once.
func (f *Feed) Run(ctx context.Context) error {
	p := poller{store: f.store}
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for force := true; ; {
		begun := time.Now()
		changes, news, err := p.poll(ctx, force)
		if ctx.Err() != nil {
			return nil
		}
		f.publish(changes, news, err)
		if err == nil {
			f.confirmed.Store(max(1, int64(begun.Sub(f.born))))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			force = err != nil
		}
	}
}

func (f *Feed) publish(changes []core.Change, news bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	if !news {
		return
	}
	for s := range f.subs {
		s.push(changes)
	}
}

// push never waits: there is one slot, and only push, under the feed's lock,
// fills it.
func (s *subscriber) push(changes []core.Change) {
	select {
	case waiting := <-s.ch:
		changes = merge(waiting, changes)
	default:
	}
	s.ch <- changes
}

// merge is both batches as one; nil, "reload everything", swallows the other.
func merge(a, b []core.Change) []core.Change {
	if a == nil || b == nil || len(a)+len(b) > maxPending {
		return nil
	}
	return append(append(make([]core.Change, 0, len(a)+len(b)), a...), b...)
}

// poller knows what was seen. The zero value has seen nothing.
type poller struct {
	store   store.Store
	started bool
	version int64
	seq     int64
}

// poll gives what is new; news false says nothing, nil changes with news true say
// that everything is to be reloaded. The version is read before the changes: a
// commit between the two shows at the next poll.
func (p *poller) poll(ctx context.Context, force bool) (changes []core.Change, news bool, err error) {
	v, err := p.store.Version(ctx)
	if err != nil || (p.started && !force && v == p.version) {
		return nil, false, err
	}
	changes, news, err = p.read(ctx)
	if err == nil {
		p.version = v
	}
	return changes, news, err
}

func (p *poller) read(ctx context.Context) (changes []core.Change, news bool, err error) {
	var last int64
	err = p.store.View(ctx, func(tx store.Tx) error {
		if last, err = tx.Changes().Last(ctx); err != nil || !p.started || last <= p.seq {
			return err
		}
		changes, err = tx.Changes().After(ctx, p.seq, batch)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	known := p.started && last >= p.seq
	nothing := known && last == p.seq
	whole := known && len(changes) > 0 && changes[0].Seq == p.seq+1 && changes[len(changes)-1].Seq == last
	p.started, p.seq = true, last
	if !whole {
		changes = nil
	}
	return changes, !nothing, nil
}
