package throttle

import (
	"context"
	"sync"
	"time"
)

// PaceConfig says how quick a Pace lets go on. The zero value of a field is what
// its comment says.
type PaceConfig struct {
	Burst   int           // of one key at once; 0: 100
	Every   time.Duration // one more of a key each; 0: 20 ms
	Longest time.Duration // that anybody waits for their turn; 0: 5 s
	Keys    int           // that are told apart, the rest share one turn; 0: 10,000
}

// Pace bounds how often something unknown is looked for, by key. Unlike a
// Throttle it lets everybody hear their answer: who is too quick waits. It is
// for what cannot be guessed, so that its only cost is the work. It is safe for
// concurrent use.
type Pace struct {
	c PaceConfig

	mu   sync.Mutex           // guards what is below
	next map[string]time.Time // when the key's next one is due; long past: it may begin a burst
}

// NewPace makes a Pace.
func NewPace(c PaceConfig) *Pace {
	if c.Burst <= 0 {
		c.Burst = 100
	}
	if c.Every <= 0 {
		c.Every = 20 * time.Millisecond
	}
	if c.Longest <= 0 {
		c.Longest = 5 * time.Second
	}
	if c.Keys <= 0 {
		c.Keys = 10_000
	}
	return &Pace{c: c, next: map[string]time.Time{}}
}

// Turn waits until this key may go on. Whoever then finds what they looked for
// calls back, so that it was no turn. Errors: exhausted with reason
// "too_many_attempts" where the turn is further away than Longest, that is while
// many wait at once; that of ctx at its end.
func (p *Pace) Turn(ctx context.Context, key string) (back func(), err error) {
	key, wait, ok := p.take(key)
	if !ok {
		return nil, tooMany(p.c.Every)
	}
	back = func() { p.giveBack(key) }
	if wait <= 0 {
		return back, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return back, nil
	case <-ctx.Done():
		back()
		return nil, ctx.Err()
	}
}

// take gives the key that counts, and how long its turn is away.
func (p *Pace) take(key string) (string, time.Duration, bool) {
	now := time.Now()
	oldest := now.Add(-time.Duration(p.c.Burst) * p.c.Every)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.next[key]; !ok && !p.roomLocked(oldest) {
		key = ""
	}
	due := p.next[key]
	if due.Before(oldest) {
		due = oldest
	}
	due = due.Add(p.c.Every)
	wait := due.Sub(now)
	if wait > p.c.Longest {
		return key, 0, false
	}
	p.next[key] = due
	return key, wait, true
}

func (p *Pace) giveBack(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if due, ok := p.next[key]; ok {
		p.next[key] = due.Add(-p.c.Every)
	}
}

// roomLocked forgets those that would begin anew, once there are too many.
func (p *Pace) roomLocked(oldest time.Time) bool {
	if len(p.next) < p.c.Keys {
		return true
	}
	for key, due := range p.next {
		if !due.After(oldest) {
			delete(p.next, key)
		}
	}
	return len(p.next) < p.c.Keys
}
