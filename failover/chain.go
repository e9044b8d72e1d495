package failover

import "time"

// Picker chooses accounts for a Transport: a Pool, or several as one. Its
// methods are those of Pool.
type Picker interface {
	Pick(now time.Time, q Query) (Pick, error)
	Report(now time.Time, pk Pick, q Query, v Verdict) []Health
	Release(pk Pick)
	Len() int
}

// Chain makes pools into one Picker: a request goes to the accounts of the first
// pool, then to those of the next, as within one pool. Each pool keeps what is
// held against its accounts and its own strategy, so that one pool may be in
// many chains. A conversation stays with the account that answered it first,
// whichever pool that is in. No account may be in two of the pools.
func Chain(pools ...*Pool) Picker { return chain(pools) }

type chain []*Pool

// Pick takes one pool's lock at a time. What changes meanwhile is as if it had
// changed before or after.
func (c chain) Pick(now time.Time, q Query) (Pick, error) {
	for _, p := range c {
		pk, home, ok := p.pickHome(now, q)
		if ok {
			return pk, nil
		}
		if home {
			break
		}
	}
	for _, last := range []bool{false, true} {
		for _, p := range c {
			if pk, ok := p.pickNext(now, q, last); ok {
				return pk, nil
			}
		}
	}
	e := &ExhaustedError{None: true}
	for _, p := range c {
		p.exhausted(now, q, e)
	}
	return Pick{}, e
}

// Report leaves a conversation with the account that it has in another pool.
func (c chain) Report(now time.Time, pk Pick, q Query, v Verdict) []Health {
	if pk.pool == nil {
		return nil
	}
	for _, p := range c {
		if p != pk.pool && v.Kind == OK && q.Affinity != "" && p.isHome(now, q) {
			q.Affinity = ""
		}
	}
	return pk.pool.Report(now, pk, q, v)
}

func (c chain) Release(pk Pick) {
	if pk.pool != nil {
		pk.pool.Release(pk)
	}
}

func (c chain) Len() int {
	n := 0
	for _, p := range c {
		n += p.Len()
	}
	return n
}

// pickHome picks the account that the request belongs to; home says that there
// is one.
func (p *Pool) pickHome(now time.Time, q Query) (pk Pick, home, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.homeLocked(now, q)
	if a == nil {
		return Pick{}, false, false
	}
	can, probe := p.canLocked(now, q, a, false)
	if !can {
		return Pick{}, true, false
	}
	return p.takeLocked(now, q, a, probe), true, true
}

func (p *Pool) pickNext(now time.Time, q Query, last bool) (Pick, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nextLocked(now, q, last)
}

func (p *Pool) exhausted(now time.Time, q Query, e *ExhaustedError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exhaustedLocked(now, q, e)
}

// isHome says whether the conversation has an account here.
func (p *Pool) isHome(now time.Time, q Query) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.Bound = ""
	return p.homeLocked(now, q) != nil
}
