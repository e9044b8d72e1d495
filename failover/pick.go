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
		if pk, ok := p.takeLocked(now, q, home, false); ok {
			return pk, nil
		}
	}
	for _, last := range []bool{false, true} {
		for _, a := range p.order {
			if pk, ok := p.takeLocked(now, q, a, last); ok {
				return pk, nil
			}
		}
	}
	return Pick{}, p.exhaustedLocked(now, q)
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

// takeLocked picks the account if its standing lets it. last is for the round
// after no account was found: then a short cooldown that ended lets everybody
// pass, and a request that should not probe does.
func (p *Pool) takeLocked(now time.Time, q Query, a *account, last bool) (Pick, bool) {
	if !p.mayLocked(q, a) || slices.Contains(q.Tried, a.ID) {
		return Pick{}, false
	}
	pk := Pick{ID: a.ID, Model: q.Model, at: now, epoch: a.Epoch}
	s, _ := a.standing(now, q.Model, p.opt)
	switch {
	case s == healthy:
		return pk, true
	case s == cooling:
		return Pick{}, false
	case a.probing(now, p.opt.ProbeTimeout):
		return pk, last && s == unproven
	case q.NoProbe && !last:
		return Pick{}, false
	}
	p.probes++
	a.probe, a.probeAt = p.probes, now
	pk.Probe, pk.probe = true, p.probes
	return pk, true
}

func (p *Pool) exhaustedLocked(now time.Time, q Query) *ExhaustedError {
	e := &ExhaustedError{None: true}
	for _, a := range p.order {
		if !p.mayLocked(q, a) {
			continue
		}
		e.None = false
		if _, by := a.standing(now, q.Model, p.opt); by != nil {
			e.add(now, by)
		}
	}
	return e
}

// add notes one account's hold. One that has ended waits for its probe, which
// takes about a second.
func (e *ExhaustedError) add(now time.Time, by *hold) {
	e.Held = append(e.Held, by.Health)
	if by.lasting() {
		return
	}
	if left := max(by.Until.Sub(now), time.Second); !e.Known || left < e.RetryAfter {
		e.Known, e.RetryAfter, e.Reason = true, left, by.Reason
	}
}
