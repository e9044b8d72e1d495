// Package usage counts requests and tokens off the request path: counts gather
// in memory and are added to the store in batches.
package usage

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

const (
	// maxKeys bounds the keys with a model's name that gather while the store is
	// away.
	maxKeys = 16384
	// maxModels bounds the names of models that are kept for an account and day.
	maxModels = 256
	// OtherModel stands for the models beyond these bounds: their counts are kept,
	// their names are not. A model's name comes from the client.
	OtherModel = "(other)"
	// lastFlush is how long the flush at the end may take.
	lastFlush = 5 * time.Second
)

// Counter gathers counts. It is safe for concurrent use.
type Counter struct {
	store    store.Store
	flushing chan struct{} // holds one token: a flush returns only when no other is under way
	newest   atomic.Pointer[date]

	mu     sync.Mutex // guards what is below
	counts map[core.UsageKey]core.Usage
	day    string // the newest that was counted
	models map[accountKey]map[string]bool
	spent  map[core.Owner]*today
}

type accountKey struct {
	owner core.Owner
	id    string
}

// NewCounter makes a Counter; it does no I/O.
func NewCounter(st store.Store) *Counter {
	return &Counter{
		store: st, flushing: make(chan struct{}, 1), counts: map[core.UsageKey]core.Usage{}, spent: map[core.Owner]*today{},
	}
}

// Add adds to the count with this key. It does no I/O and waits for nothing.
func (c *Counter) Add(u core.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spendLocked(u)
	c.nameAndAddLocked(u)
}

// AddOrg is Add for what u's owner took of one of the organisation's accounts;
// see ByUser.
func (c *Counter) AddOrg(u core.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spendLocked(u)
	c.nameAndAddLocked(u)
	c.nameAndAddLocked(ofOrg(u))
}

func (c *Counter) nameAndAddLocked(u core.Usage) {
	if !c.nameLocked(u.UsageKey) {
		u.Model = OtherModel
	}
	c.addLocked(u)
}

// nameLocked says whether the model's name is kept: it is one of the first of
// its account and day, whether they have been flushed or not.
func (c *Counter) nameLocked(k core.UsageKey) bool {
	if k.Day > c.day || c.models == nil {
		c.day, c.models = k.Day, map[accountKey]map[string]bool{}
	}
	of := accountKey{k.Owner, k.AccountID}
	names := c.models[of]
	switch {
	case names[k.Model]:
		return true
	case len(names) >= maxModels:
		return false
	case names == nil:
		names = map[string]bool{}
		c.models[of] = names
	}
	names[k.Model] = true
	return true
}

func (c *Counter) addLocked(u core.Usage) {
	if _, known := c.counts[u.UsageKey]; !known && len(c.counts) >= maxKeys {
		u.Model = OtherModel
	}
	c.counts[u.UsageKey] = sum(c.counts[u.UsageKey], u)
}

func sum(a, b core.Usage) core.Usage {
	b.Requests += a.Requests
	b.Rotations += a.Rotations
	b.Errors += a.Errors
	b.InputTokens += a.InputTokens
	b.OutputTokens += a.OutputTokens
	b.Unreported += a.Unreported
	b.Estimated += a.Estimated
	return b
}

// Flush makes everything durable that was added before it. Where the store does
// not take it, the counts are kept for the next flush.
func (c *Counter) Flush(ctx context.Context) error {
	select {
	case c.flushing <- struct{}{}:
		defer func() { <-c.flushing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	batch := c.take()
	if len(batch) == 0 {
		return nil
	}
	err := c.store.Update(ctx, func(tx store.Tx) error { return tx.Usage().Add(ctx, batch) })
	if err != nil {
		c.giveBack(batch)
	}
	return err
}

func (c *Counter) take() []core.Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := make([]core.Usage, 0, len(c.counts))
	for _, u := range c.counts {
		batch = append(batch, u)
	}
	c.counts = map[core.UsageKey]core.Usage{}
	return batch
}

func (c *Counter) giveBack(batch []core.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range batch {
		c.addLocked(u)
	}
}

// Run flushes at each interval until ctx ends, then once more, and gives that
// last flush's error. A flush that fails in between is made up for by the next.
func (c *Counter) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = c.Flush(ctx) // the counts are kept, and the last flush tells
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			return c.Flush(end)
		}
	}
}

// Read gives the actor's own counts of the days from since on (UTC).
func Read(ctx context.Context, g *guard.Guard, actor core.Actor, since time.Time) ([]core.Usage, error) {
	var out []core.Usage
	act := guard.Act{Action: guard.UsageRead, Subject: "usage"}
	err := g.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = tx.Usage().List(ctx, actor.Owner, since)
		return err
	})
	return out, err
}
