package broker

import (
	"context"
	"log/slog"
	"sync/atomic"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

// snapshot is an owner's accounts at one moment. It is not changed once it is
// put up; only the pools go on from one to the next.
type snapshot struct {
	pools  map[poolKey]*pool
	opened map[string]*account // by id, those that are switched off too
}

type poolKey struct{ provider, namespace string }

// pool is the accounts of one provider and namespace.
type pool struct {
	owner    core.Owner
	key      poolKey
	adapter  provider.Adapter
	failover *failover.Pool
	members  atomic.Pointer[map[string]*account] // enabled and opened, by id
	broken   atomic.Pointer[broken]              // an enabled account that cannot be used; nil: none
	picky    atomic.Bool                         // some member is not for every workspace
	limited  atomic.Bool                         // some member has a limit for each user
}

// broken is an account that cannot be used, and why.
type broken struct {
	ref string
	err error
}

// owner gives an owner's snapshot, and loads it the first time.
func (b *Broker) owner(ctx context.Context, o core.Owner) (*snapshot, error) {
	if s := b.snapshot(o); s != nil {
		return s, nil
	}
	if err := b.load(ctx, o); err != nil {
		return nil, err
	}
	return b.snapshot(o), nil
}

func (b *Broker) snapshot(o core.Owner) *snapshot {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.owners[o]
}

// load reads an owner's accounts and health and puts them up.
func (b *Broker) load(ctx context.Context, o core.Owner) error {
	select {
	case b.loading <- struct{}{}:
		defer func() { <-b.loading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r, err := b.read(ctx, o)
	if err != nil {
		return err
	}
	next := b.build(ctx, o, r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owners[o] = next
	return nil
}

type records struct {
	accounts []core.SealedAccount
	health   []core.Health
	pools    []core.Pool
	key      *seal.DataKey
	keyErr   error
}

func (b *Broker) read(ctx context.Context, o core.Owner) (r records, err error) {
	err = b.Store.View(ctx, func(tx store.Tx) error {
		if r.accounts, err = tx.Accounts().List(ctx, o); err != nil {
			return err
		}
		if r.health, err = tx.Health().List(ctx, o); err != nil {
			return err
		}
		if r.pools, err = tx.Pools().List(ctx, o); err != nil {
			return err
		}
		if len(r.accounts) > 0 {
			// A key that does not open makes the accounts unusable, not the load.
			r.key, r.keyErr = b.Keys.Open(ctx, tx.Vault(), o)
		}
		return nil
	})
	return r, err
}

// build makes the next snapshot from records and the one before.
func (b *Broker) build(ctx context.Context, o core.Owner, r records) *snapshot {
	old := b.snapshot(o)
	if old == nil {
		old = &snapshot{}
	}
	next := &snapshot{pools: map[poolKey]*pool{}, opened: map[string]*account{}}
	drafts := map[poolKey]*draft{}
	for _, rec := range r.accounts {
		k := poolKey{rec.Provider, rec.Namespace}
		p := next.pool(b, o, k, old)
		if p == nil || !rec.Enabled {
			continue // an adapter that this program does not have, or switched off
		}
		if drafts[k] == nil {
			drafts[k] = &draft{members: map[string]*account{}}
		}
		a, err := b.open(rec, old.opened[rec.ID], r)
		if err != nil {
			b.Log.LogAttrs(ctx, slog.LevelError, "account cannot be used", slog.String("account", refOf(rec.Account)), slog.String("cause", err.Error()))
			drafts[k].broken = &broken{refOf(rec.Account), err}
			continue
		}
		next.opened[rec.ID] = a
		drafts[k].add(a)
	}
	for k, p := range next.pools {
		drafts[k].put(p, r.health)
		p.use(r.pools)
	}
	return next
}

// open gives the account ready for use, if it may be.
func (b *Broker) open(rec core.SealedAccount, old *account, r records) (*account, error) {
	if err := b.Upstreams.CheckURL(rec.BaseURL); err != nil {
		return nil, err
	}
	return open(rec, old, r)
}

// use takes the pool's settings.
func (p *pool) use(all []core.Pool) {
	var set core.Pool
	for _, s := range all {
		if s.Provider == p.key.provider && s.Namespace == p.key.namespace {
			set = s
		}
	}
	strategy, _ := failover.ParseStrategy(string(set.Strategy)) // an unknown one is sticky
	p.failover.Use(strategy, set.AllowAmbiguous)
}

// pool gives the pool of a key: the one before, or a new one; nil for a provider
// without an adapter.
func (s *snapshot) pool(b *Broker, o core.Owner, k poolKey, old *snapshot) *pool {
	if p := s.pools[k]; p != nil {
		return p
	}
	p := old.pools[k]
	if p == nil {
		ad, err := b.Providers.Get(k.provider)
		if err != nil {
			return nil
		}
		p = &pool{owner: o, key: k, adapter: ad, failover: failover.NewPool(poolOptions(o))}
	}
	s.pools[k] = p
	return p
}

// poolOptions: the organisation's pools hold everybody's conversations.
func poolOptions(o core.Owner) failover.Options {
	if o == core.Org {
		return failover.Options{Conversations: 65536}
	}
	return failover.Options{}
}

// draft gathers a pool's members in the store's order, which is the user's.
type draft struct {
	order   []failover.Member
	members map[string]*account
	broken  *broken
	picky   bool
	limited bool
}

func (d *draft) add(a *account) {
	d.members[a.ID] = a
	d.limited = d.limited || a.Limit != (core.Limit{})
	d.picky = d.picky || len(a.Selector) > 0 || d.limited
	d.order = append(d.order, failover.Member{ID: a.ID, Group: a.QuotaGroup, Epoch: a.Epoch})
}

// put hands the members over. The map comes before the order: whatever the
// pool picks can be found.
func (d *draft) put(p *pool, all []core.Health) {
	if d == nil {
		d = &draft{members: map[string]*account{}}
	}
	p.broken.Store(d.broken)
	p.picky.Store(d.picky)
	p.limited.Store(d.limited)
	p.members.Store(&d.members)
	var mine []failover.Health
	for _, h := range all {
		if d.members[h.AccountID] != nil {
			if f, ok := fromCore(h); ok {
				mine = append(mine, f)
			}
		}
	}
	p.failover.Load(d.order, mine)
}

// account finds a member; a nil pool has none.
func (p *pool) account(id string) *account {
	if p == nil {
		return nil
	}
	m := p.members.Load()
	if m == nil {
		return nil
	}
	return (*m)[id]
}
