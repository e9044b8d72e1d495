// Package throttle slows down whoever fails again and again: guesses of proofs
// by client address, guesses of short codes by user. It lives in memory, is
// bounded, and forgets at a restart.
//
// A Throttle counts only failures. A success clears nothing, since it may be of another
// person behind the same address, or of the guesser with a proof of their own.
package throttle

import (
	"container/list"
	"sync"
	"time"

	"keyfob/internal/core"
)

// Config says how patient a Throttle is. The zero value of a field is what its
// comment says.
type Config struct {
	Failures int           // of one key within Window, from which it is refused; 0: 10
	Window   time.Duration // 0: one minute
	Longest  time.Duration // of a refusal: the first takes Window, each further one twice the last; 0: 15 minutes
	Keys     int           // that are remembered; 0: 10,000
	Total    int           // failures of all keys together within Longest, from which each key that failed among them is refused; 0: no such bound
}

// Throttle counts failures by key. It is safe for concurrent use.
type Throttle struct {
	c Config

	mu      sync.Mutex // guards what is below
	keys    map[string]*list.Element
	order   list.List // of *record, the one that failed longest ago first
	total   int       // failures since totalAt
	totalAt time.Time
}

type record struct {
	key      string
	since    time.Time // when counting began
	failures int       // since then
	last     time.Time // failure
	refusal  time.Duration
	until    time.Time // refused before then
}

// New makes a Throttle.
func New(c Config) *Throttle {
	if c.Failures <= 0 {
		c.Failures = 10
	}
	if c.Window <= 0 {
		c.Window = time.Minute
	}
	if c.Longest <= 0 {
		c.Longest = 15 * time.Minute
	}
	c.Longest = max(c.Longest, c.Window)
	if c.Keys <= 0 {
		c.Keys = 10_000
	}
	return &Throttle{c: c, keys: map[string]*list.Element{}}
}

// Allow says whether this key may try now. Else the error is exhausted with
// reason "too_many_attempts" and RetryAfter; what is refused must not be looked
// at, so that it is no guess.
func (t *Throttle) Allow(key string) error {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.keys[key]
	if !ok {
		return nil // also at the total: others' failures are no reason to refuse whoever had none
	}
	r := e.Value.(*record)
	if now.Before(r.until) {
		return tooMany(r.until.Sub(now))
	}
	if end := t.totalAt.Add(t.c.Longest); t.total >= t.c.Total && t.c.Total > 0 && now.Before(end) && !r.last.Before(t.totalAt) {
		return tooMany(end.Sub(now))
	}
	return nil
}

// Failed counts one failure of this key. Failures of attempts that Allow let
// through before it began to refuse count as well, and make no refusal longer.
func (t *Throttle) Failed(key string) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !now.Before(t.totalAt.Add(t.c.Longest)) {
		t.total, t.totalAt = 0, now
	}
	t.total++
	r := t.recordLocked(key, now)
	r.last = now
	if now.Before(r.until) {
		return
	}
	if !now.Before(r.since.Add(t.c.Window)) {
		r.since, r.failures = now, 0
	}
	if r.failures++; r.failures < t.c.Failures {
		return
	}
	r.refusal = min(max(2*r.refusal, t.c.Window), t.c.Longest)
	r.until = now.Add(r.refusal)
	r.since, r.failures = r.until, 0
}

// Keys is how many keys are remembered.
func (t *Throttle) Keys() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.keys)
}

// recordLocked finds or makes the key's record, and puts it last in order. To
// stay within its bound it forgets those that have been quiet, and then whoever
// failed longest ago: many addresses can so push out one, at the price of a
// failure of each.
func (t *Throttle) recordLocked(key string, now time.Time) *record {
	for e := t.order.Front(); e != nil && quiet(e.Value.(*record), now, t.c.Longest); e = t.order.Front() {
		t.forgetLocked(e)
	}
	if e, ok := t.keys[key]; ok {
		t.order.MoveToBack(e)
		return e.Value.(*record)
	}
	if len(t.keys) >= t.c.Keys {
		t.forgetLocked(t.order.Front())
	}
	r := &record{key: key, since: now}
	t.keys[key] = t.order.PushBack(r)
	return r
}

func (t *Throttle) forgetLocked(e *list.Element) {
	delete(t.keys, t.order.Remove(e).(*record).key)
}

// quiet is a record that nothing depends on any more: its refusal is over, and
// it has not failed for twice as long as the longest refusal.
func quiet(r *record, now time.Time, longest time.Duration) bool {
	return !now.Before(r.until) && !now.Before(r.last.Add(2*longest))
}

func tooMany(wait time.Duration) error {
	e := core.Errorf(core.Exhausted, "too many attempts have failed").WithReason("too_many_attempts").
		WithHint("wait, then try again with a proof that is good")
	e.RetryAfter = wait
	return e
}
