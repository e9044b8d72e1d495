package throttle

import (
	"context"
	"sync"
	"time"

	"keyfob/internal/core"
)

// QueueConfig says how many a Queue lets in at once. The zero value of a field is
// what its comment says.
type QueueConfig struct {
	All     int           // 0: 16
	OfKey   int           // of one key; 0: 4
	Longest time.Duration // that anybody waits; 0: 10 s
}

// Queue bounds the work that whoever asks for something unknown makes at once, of
// all and by key. Unlike a Throttle it refuses nobody: each waits for those before
// them of their own key, and of others for a share at most. It is for what cannot
// be guessed and is quick to look up. It is safe for concurrent use.
type Queue struct {
	c   QueueConfig
	all chan struct{}

	mu sync.Mutex       // guards what is below
	of map[string]*line // by key; only those with somebody in them
}

type line struct {
	places chan struct{}
	people int // that wait or are in
}

// NewQueue makes a Queue.
func NewQueue(c QueueConfig) *Queue {
	if c.All <= 0 {
		c.All = 16
	}
	if c.OfKey <= 0 {
		c.OfKey = 4
	}
	if c.Longest <= 0 {
		c.Longest = 10 * time.Second
	}
	return &Queue{c: c, all: make(chan struct{}, c.All), of: map[string]*line{}}
}

// Enter waits for a place, which leave gives back. Errors: that of ctx at its end;
// unavailable with reason "busy" after Longest, which is while whatever is asked
// does not answer.
func (q *Queue) Enter(ctx context.Context, key string) (leave func(), err error) {
	timer := time.NewTimer(q.c.Longest)
	defer timer.Stop()
	l := q.join(key)
	if err := enter(ctx, l.places, timer); err != nil {
		q.part(key)
		return nil, err
	}
	if err := enter(ctx, q.all, timer); err != nil {
		<-l.places
		q.part(key)
		return nil, err
	}
	return func() {
		<-q.all
		<-l.places
		q.part(key)
	}, nil
}

func enter(ctx context.Context, places chan struct{}, timer *time.Timer) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		e := core.Errorf(core.Unavailable, "too much is being looked up").WithReason("busy").WithHint("try again soon")
		e.RetryAfter = time.Second
		return e
	}
}

func (q *Queue) join(key string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.of[key]
	if l == nil {
		l = &line{places: make(chan struct{}, q.c.OfKey)}
		q.of[key] = l
	}
	l.people++
	return l
}

func (q *Queue) part(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.of[key]
	if l.people--; l.people == 0 {
		delete(q.of, key)
	}
}

// Keys is how many keys have somebody that waits or is in.
func (q *Queue) Keys() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.of)
}
