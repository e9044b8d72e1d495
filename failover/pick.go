package failover

import (
	"fmt"
	"slices"
	"time"
)

// Query is what a pick depends on.
type Query struct {
	// Model is the one asked for; empty: unknown, and cooldowns of single
	// models do not count.
	Model string
	// Affinity marks the conversation; empty: none, the strategy alone decides.
	// It should be a keyed digest, since the pool keeps it.
	Affinity string
	// Bound is the account whose state the request refers to; empty: none. Such
	// a request goes to that account or to another of its quota group, and to
	// no other.
	Bound string
	// Tried are the accounts that this request has been sent to already.
	Tried []string
	// NoProbe keeps a request that cannot be sent twice from being spent on a
	// probe while a healthy account is there.
	NoProbe bool
	// Skip says of an account that this request does not go there, whatever
	// others do; nil: there is none. held is what shows in an ExhaustedError, with
	// when that ends in Until; with a zero Until the account is not there at all
	// for this request. Skip is called with the pool locked: it must be quick, and
	// must not use the pool.
	Skip func(id string) (held Health, skip bool)
}

// Pick is an account for one attempt. Each must be given to Report or Release.
type Pick struct {
	ID, Model string
	// Probe says that the account is under a cooldown or was until now, and
	// that this is the one request to find out.
	Probe bool

	probe uint64
	at    time.Time
	epoch int64 // the account's
	pool  *Pool // that it is of

	ambiguous bool // the pool lets a request be sent again though its work may have been done
}

// ExhaustedError says that no account can take a request now.
type ExhaustedError struct {
	// RetryAfter is how long until the soonest account is back, at least 1 s if
	// Known; 0 if not.
	RetryAfter time.Duration
	// Known is false when no account comes back by waiting.
	Known bool
	// Reason is the Reason of what holds the soonest account.
	Reason string
	// None says that there is no account that could ever take the request: the
	// pool is empty, or the account it is bound to is not a member.
	None bool
	// Held is what holds each account that could take the request, in order.
	// Accounts that were tried and have nothing against them are not in it.
	Held []Health
}

func (e *ExhaustedError) Error() string {
	switch {
	case e.None:
		return "no account for this request"
	case e.Known:
		return fmt.Sprintf("every account is cooling down, the first for another %s", e.RetryAfter)
	}
	return "no account is usable, and waiting does not help"
}

// Pick chooses the account for an attempt, or fails with an *ExhaustedError.
func (p *Pool) Pick(now time.Time, q Query) (Pick, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	home := p.homeLocked(now, q)
	if home != nil {
		if can, probe := p.canLocked(now, q, home, false); can {
			return p.takeLocked(now, q, home, probe), nil
		}
	}
	for _, last := range []bool{false, true} {
		if pk, ok := p.nextLocked(now, q, last); ok {
			return pk, nil
		}
	}
	e := &ExhaustedError{None: true}
	p.exhaustedLocked(now, q, e)
	return Pick{}, e
}

// nextLocked picks by the strategy. last is as of canLocked.
func (p *Pool) nextLocked(now time.Time, q Query, last bool) (Pick, bool) {
	var next *account
	var probe bool
	for _, a := range p.order {
		if next != nil && a.turn >= next.turn {
			continue
		}
		can, probes := p.canLocked(now, q, a, last)
		if !can {
			continue
		}
		if next, probe = a, probes; p.opt.Strategy == Sticky {
			break
		}
	}
	if next == nil {
		return Pick{}, false
	}
	p.turns++
	next.turn = p.turns
	return p.takeLocked(now, q, next, probe), true
}

// homeLocked gives the account that the request belongs to, if any.
func (p *Pool) homeLocked(now time.Time, q Query) *account {
	if q.Bound != "" {
		return p.byID[q.Bound]
	}
	if q.Affinity == "" {
		return nil
	}
	a := p.byID[p.homes.get(now, q.Affinity)]
	if a == nil || a.gone(q.Model) {
		p.homes.drop(q.Affinity)
		return nil
	}
	return a
}

// mayLocked says whether the request may go to the account at all.
func (p *Pool) mayLocked(q Query, a *account) bool {
	if q.Bound == "" || a.ID == q.Bound {
		return true
	}
	b := p.byID[q.Bound]
	return b != nil && b.Group != "" && b.Group == a.Group
}

// takeLocked picks the account.
func (p *Pool) takeLocked(now time.Time, q Query, a *account, probe bool) Pick {
	pk := Pick{ID: a.ID, Model: q.Model, at: now, epoch: a.Epoch, pool: p, ambiguous: p.opt.AllowAmbiguous}
	if probe {
		p.probes++
		a.probe, a.probeAt = p.probes, now
		pk.Probe, pk.probe = true, p.probes
	}
	return pk
}

// canLocked says whether the account can take the request, and whether that is a
// probe. last is for the round after no account was found: then a short cooldown
// that ended lets everybody pass, and a request that should not probe does.
func (p *Pool) canLocked(now time.Time, q Query, a *account, last bool) (can, probe bool) {
	if !p.mayLocked(q, a) || slices.Contains(q.Tried, a.ID) {
		return false, false
	}
	if _, skip := q.skips(a.ID); skip {
		return false, false
	}
	s, _ := a.standing(now, q.Model, p.opt)
	switch {
	case s == healthy:
		return true, false
	case s == cooling:
		return false, false
	case a.probing(now, p.opt.ProbeTimeout):
		return last && s == unproven, false
	}
	return !q.NoProbe || last, true
}

func (q Query) skips(id string) (Health, bool) {
	if q.Skip == nil {
		return Health{}, false
	}
	return q.Skip(id)
}

// exhaustedLocked adds what holds the pool's accounts to e.
func (p *Pool) exhaustedLocked(now time.Time, q Query, e *ExhaustedError) {
	for _, a := range p.order {
		if !p.mayLocked(q, a) {
			continue
		}
		held, skip := q.skips(a.ID)
		if skip && held.Until.IsZero() {
			continue
		}
		e.None = false
		_, by := a.standing(now, q.Model, p.opt)
		switch {
		case by != nil && (!skip || by.Until.After(held.Until)):
			e.add(now, by.Health)
		case skip:
			e.add(now, held)
		}
	}
}

// add notes one account's hold. One that has ended waits for its probe, which
// takes about a second.
func (e *ExhaustedError) add(now time.Time, by Health) {
	e.Held = append(e.Held, by)
	if !by.Until.Before(Forever) {
		return
	}
	if left := max(by.Until.Sub(now), time.Second); !e.Known || left < e.RetryAfter {
		e.Known, e.RetryAfter, e.Reason = true, left, by.Reason
	}
}
