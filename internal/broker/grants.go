package broker

import (
	"context"
	"sync"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/throttle"
)

type digest [32]byte

// grant is a Grant as of when it was read.
type grant struct {
	Grant
	read time.Time
}

// grants remembers the live workspaces that were asked for. Unknown keys are
// not remembered, since they may become known in another process at any time;
// how many are looked up at once is bounded instead, of each client and of all.
// Whoever comes beyond that waits: a refusal would be of good keys too.
type grants struct {
	store   store.Store
	confirm confirmer
	queue   *throttle.Queue // for keys that are not known, by client

	mu   sync.RWMutex // guards what is below
	live map[digest]*grant
	by   map[string]digest // by workspace
	age  uint64            // grows with every forgetting, so that an answer read before it is not kept
}

func newGrants(st store.Store, c confirmer) *grants {
	return &grants{store: st, confirm: c, live: map[digest]*grant{}, by: map[string]digest{}, queue: throttle.NewQueue(throttle.QueueConfig{})}
}

// get gives the age, too, of which changedSince tells whether the grant may have
// ended meanwhile. from is the client who asks.
func (g *grants) get(ctx context.Context, d digest, from func() string) (_ Grant, age uint64, _ error) {
	g.mu.RLock()
	hit, age := g.live[d], g.age
	g.mu.RUnlock()
	if hit != nil && g.confirm.good(hit, time.Now()) {
		return hit.Grant, age, nil
	}
	if hit == nil {
		leave, err := g.queue.Enter(ctx, from())
		if err != nil {
			return Grant{}, 0, g.refused(d, hit, err)
		}
		defer leave()
	}
	made, err := readGrant(ctx, g.store, d)
	if err != nil {
		return Grant{}, 0, g.refused(d, hit, err)
	}
	g.keep(d, made, age)
	return made.Grant, age, nil
}

func (g *grants) changedSince(age uint64) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.age != age
}

// refused is why a key is not taken: it is no good, which is forgotten, or nobody can say, whether or not it was known.
func (g *grants) refused(d digest, hit *grant, err error) error {
	if core.CodeOf(err) == core.Unauthenticated {
		g.drop(d)
		return err
	}
	if hit != nil || core.CodeOf(err) == core.Unavailable {
		return unconfirmed(err)
	}
	return err
}

func (g *grants) keep(d digest, made *grant, age uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.age != age {
		return
	}
	g.dropLocked(made.Workspace)
	g.live[d], g.by[made.Workspace] = made, d
}

func (g *grants) dropLocked(workspace string) {
	if d, ok := g.by[workspace]; ok {
		delete(g.live, d)
		delete(g.by, workspace)
	}
}

func (g *grants) forget(workspace string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.age++
	g.dropLocked(workspace)
}

// forgetOwner forgets all of one owner's.
func (g *grants) forgetOwner(o core.Owner) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.age++
	for _, v := range g.live {
		if v.Owner == o {
			g.dropLocked(v.Workspace)
		}
	}
}

func (g *grants) forgetAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.age++
	clear(g.live)
	clear(g.by)
}

func (g *grants) count() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.live)
}

func (g *grants) drop(d digest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := g.live[d]; v != nil {
		g.dropLocked(v.Workspace)
	}
}
