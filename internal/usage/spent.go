package usage

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// maxOwners bounds the owners whose day is kept in memory.
const maxOwners = 65536

// Spent is what an owner has used of one account on one day; Tokens with what is
// estimated for answers that did not say all.
type Spent struct{ Requests, Tokens int64 }

// today is one owner's day: what the store says, with what was added here since.
type today struct {
	day  string
	read time.Time
	by   map[string]Spent // by account
}

func (s Spent) with(u core.Usage) Spent {
	return Spent{s.Requests + u.Requests, s.Tokens + u.InputTokens + u.OutputTokens + u.Estimated}
}

// Spent tells what the owner used of an account on a day, as of read: with all
// that was added here, and with what other processes had made durable by then. A
// zero read says that it is not known, and takes Learn. It does no I/O.
func (c *Counter) Spent(o core.Owner, account, day string) (s Spent, read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.spent[o]
	if t == nil || t.day != day {
		return Spent{}, time.Time{}
	}
	return t.by[account], t.read
}

// Learn reads what the owners used on a day, but of those that were read within
// maxAge. Counts that are on their way to the store are neither missed nor
// counted twice.
func (c *Counter) Learn(ctx context.Context, day string, maxAge time.Duration, owners ...core.Owner) error {
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return err
	}
	select {
	case c.flushing <- struct{}{}: // no batch is between here and the store
		defer func() { <-c.flushing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var stored []core.Usage
	owners = c.older(day, maxAge, owners)
	if len(owners) == 0 {
		return nil
	}
	err = c.store.View(ctx, func(tx store.Tx) error {
		for _, o := range owners {
			list, err := tx.Usage().List(ctx, o, from)
			if err != nil {
				return err
			}
			stored = append(stored, list...)
		}
		return nil
	})
	if err == nil {
		c.learnt(day, owners, stored)
	}
	return err
}

func (c *Counter) older(day string, maxAge time.Duration, owners []core.Owner) []core.Owner {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []core.Owner
	for _, o := range owners {
		if t := c.spent[o]; t == nil || t.day != day || time.Since(t.read) >= maxAge {
			out = append(out, o)
		}
	}
	return out
}

// learnt puts up what the store said and what it has not got yet.
func (c *Counter) learnt(day string, owners []core.Owner, stored []core.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := map[core.Owner]*today{}
	for _, o := range owners {
		fresh[o] = &today{day: day, read: time.Now(), by: map[string]Spent{}}
	}
	add := func(u core.Usage) {
		if t := fresh[u.Owner]; t != nil && u.Day == day {
			t.by[u.AccountID] = t.by[u.AccountID].with(u)
		}
	}
	for _, u := range stored {
		add(u)
	}
	for _, u := range c.counts {
		add(u)
	}
	for o, t := range fresh {
		c.roomLocked()
		c.spent[o] = t
	}
}

// roomLocked forgets somebody where there are too many: whoever it is will be
// read again.
func (c *Counter) roomLocked() {
	if len(c.spent) < maxOwners {
		return
	}
	for o := range c.spent {
		delete(c.spent, o)
		return
	}
}

// spendLocked follows what is added.
func (c *Counter) spendLocked(u core.Usage) {
	t := c.spent[u.Owner]
	switch {
	case t == nil:
	case t.day == u.Day:
		t.by[u.AccountID] = t.by[u.AccountID].with(u)
	case t.day < u.Day:
		delete(c.spent, u.Owner) // its day is over
	}
}

// date is a day with its text.
type date struct {
	number int64
	text   string
}

// Day is the UTC day of a moment as a key has it.
func (c *Counter) Day(now time.Time) string {
	n := now.Unix() / 86400
	if d := c.newest.Load(); d != nil && d.number == n {
		return d.text
	}
	d := &date{n, now.UTC().Format(time.DateOnly)}
	c.newest.Store(d)
	return d.text
}
