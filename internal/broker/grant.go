package broker

import (
	"context"
	"sync"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Grant is what a gateway key allows.
type Grant struct {
	Workspace string
	Owner     core.Owner
	Namespace string            // the only one it may use
	Providers map[string]string // path's provider to the provider whose accounts answer; not to be changed
}

func (g Grant) provider(path string) string {
	if p, ok := g.Providers[path]; ok {
		return p
	}
	return path
}

// Grant finds what a gateway key allows. Errors: unauthenticated for a text
// that is no gateway key (reason "not_gateway_key") or is one of no live
// workspace (reason "gateway_key_revoked"), unavailable where the store is away
// or too many unknown keys were tried. No error holds the key.
func (b *Broker) Grant(ctx context.Context, key string) (Grant, error) {
	if !core.IsToken(key, core.GatewayKeyPrefix) {
		return Grant{}, core.Errorf(core.Unauthenticated, "this is not a Keyfob gateway key").WithReason("not_gateway_key").
			WithHint("send the workspace's KEYFOB_GATEWAY_KEY where the provider's key would stand")
	}
	return b.grants.get(ctx, key)
}

const (
	missBurst = 100 // unknown keys that may be looked up at once
	missEvery = 20 * time.Millisecond
)

type digest [32]byte

// grants remembers the live workspaces that were asked for. Unknown keys are
// not remembered, since they may become known in another process at any time;
// how often they make the store work is bounded instead.
type grants struct {
	store store.Store

	mu     sync.RWMutex // guards what is below
	live   map[digest]*Grant
	age    uint64 // grows with every forgetting, so that an answer read before it is not kept
	misses float64
	last   time.Time
}

func newGrants(st store.Store) *grants {
	return &grants{store: st, live: map[digest]*Grant{}, misses: missBurst}
}

func (g *grants) get(ctx context.Context, key string) (Grant, error) {
	d := digest(core.TokenDigest(key))
	g.mu.RLock()
	hit, age := g.live[d], g.age
	g.mu.RUnlock()
	if hit != nil {
		return *hit, nil
	}
	if !g.mayAsk(time.Now()) {
		return Grant{}, tooManyMisses()
	}
	w, err := g.read(ctx, d)
	if err != nil {
		return Grant{}, err
	}
	made := grantOf(w)
	g.keep(d, made, age)
	return *made, nil
}

func (g *grants) read(ctx context.Context, d digest) (w core.Workspace, err error) {
	err = g.store.View(ctx, func(tx store.Tx) error {
		w, err = tx.Workspaces().ByGateway(ctx, d[:])
		return err
	})
	if core.CodeOf(err) == core.NotFound {
		g.missed()
		return w, core.Errorf(core.Unauthenticated, "this gateway key belongs to no live workspace").WithReason("gateway_key_revoked").
			WithHint("start the command again with keyfob run")
	}
	return w, err
}

func grantOf(w core.Workspace) *Grant {
	ns := w.Namespace
	if ns == "" {
		ns = core.DefaultNamespace
	}
	return &Grant{Workspace: w.ID, Owner: w.Owner, Namespace: ns, Providers: w.Providers}
}

func (g *grants) keep(d digest, made *Grant, age uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.age == age {
		g.live[d] = made
	}
}

func (g *grants) forget(workspace string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.age++
	for d, v := range g.live {
		if v.Workspace == workspace {
			delete(g.live, d)
		}
	}
}

func (g *grants) forgetAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.age++
	clear(g.live)
}

// mayAsk refills the allowance of misses by the time that went by.
func (g *grants) mayAsk(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() {
		g.misses = min(missBurst, g.misses+float64(now.Sub(g.last))/float64(missEvery))
	}
	g.last = now
	return g.misses >= 1
}

func (g *grants) missed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.misses = max(0, g.misses-1)
}

func tooManyMisses() error {
	e := core.Errorf(core.Unavailable, "too many unknown gateway keys were tried").WithReason("too_many_unknown_keys").
		WithHint("wait a second and try again")
	e.RetryAfter = time.Second
	return e
}
