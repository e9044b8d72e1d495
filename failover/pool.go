package failover

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Pool is the state machine of one pool of accounts over time: which account
// takes a request, what an answer means for the next one, and what is held
// against whom. It does no I/O and reads no clock. It is safe for concurrent
// use.
//
// Options.Strategy says which account takes a request. A conversation with an affinity key stays with the account that
// answered it first, borrows another while that one cools, and moves for good
// when it is dead, out of credit or no longer loaded.
//
// An account whose cooldown ended is probed: one request at a time goes there
// while others take the next healthy account, until one of its answers is good.
// A long cooldown (Options.LongCooldown) is probed in its last tenth already.
type Pool struct {
	opt Options

	mu     sync.Mutex
	order  []*account
	byID   map[string]*account
	homes  homes
	probes uint64
	turns  uint64
}

// NewPool makes an empty pool.
func NewPool(o Options) *Pool {
	o = o.withDefaults()
	return &Pool{opt: o, byID: map[string]*account{}, homes: newHomes(o.Conversations, o.ConversationIdle)}
}

// Use changes the strategy and whether ambiguous work may be repeated, for the
// picks that come; see Options.
func (p *Pool) Use(s Strategy, allowAmbiguous bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opt.Strategy, p.opt.AllowAmbiguous = s, allowAmbiguous
}

// Load sets the members and their order, and merges health in. A member that
// stays keeps what is held against it; what is known of one that is not in
// members is forgotten. Health of accounts that are not members is ignored. If
// an id stands twice, the first counts.
func (p *Pool) Load(members []Member, health []Health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.byID
	p.order, p.byID = make([]*account, 0, len(members)), make(map[string]*account, len(members))
	for _, m := range members {
		if p.byID[m.ID] == nil {
			p.addLocked(m, old[m.ID])
		}
	}
	for _, h := range health {
		if a := p.byID[h.ID]; a != nil {
			a.merge(h, time.Time{}, p.opt.Models)
		}
	}
}

func (p *Pool) addLocked(m Member, a *account) {
	if a == nil {
		a = &account{Member: m, holds: map[string]*hold{}}
	}
	a.raise(m.Epoch)
	a.Group = m.Group
	p.order, p.byID[m.ID] = append(p.order, a), a
}

// Len is how many members there are, and so the most accounts that one request
// is tried on.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.order)
}

// Health lists what is held against members now, in their order, then by model.
func (p *Pool) Health(now time.Time) []Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Health
	for _, a := range p.order {
		for _, m := range slices.Sorted(maps.Keys(a.holds)) {
			if h := a.holds[m]; now.Before(h.Until) {
				out = append(out, h.Health)
			}
		}
	}
	return out
}

// Clear ends everything held against an account, and gives what to persist: one
// record at a new epoch. Nothing happens, and nil is given, if the account is
// not a member.
func (p *Pool) Clear(id string) []Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.byID[id]
	if a == nil {
		return nil
	}
	a.raise(a.Epoch + 1)
	return []Health{{ID: id, Kind: OK, Epoch: a.Epoch}}
}

// Release gives a pick back without a verdict, such as when the client went
// away. Nothing is held against the account; a probe is free for the next.
// Releasing or reporting a pick again does nothing.
func (p *Pool) Release(pk Pick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked(pk)
}

func (p *Pool) releaseLocked(pk Pick) {
	if a := p.byID[pk.ID]; a != nil && pk.Probe && a.probe == pk.probe {
		a.probe = 0
	}
}

func sortHealth(hs []Health) {
	slices.SortFunc(hs, func(a, b Health) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Model, b.Model))
	})
}
