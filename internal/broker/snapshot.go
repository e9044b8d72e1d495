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
	broken   atomic.Pointer[core.Account]        // an enabled account whose credential does not open; nil: none
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
		a, err := open(rec, old.opened[rec.ID], r)
		if err != nil {
			b.Log.LogAttrs(ctx, slog.LevelError, "credential does not open", slog.String("account", rec.Ref()), slog.String("cause", err.Error()))
			drafts[k].broken = &rec.Account
			continue
		}
		next.opened[rec.ID] = a
		drafts[k].add(a)
	}
	for k, p := range next.pools {
		drafts[k].put(p, r.health)
	}
	return next
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
		p = &pool{owner: o, key: k, adapter: ad, failover: failover.NewPool(failover.Options{})}
	}
	s.pools[k] = p
	return p
}

// draft gathers a pool's members in the store's order, which is the user's.
type draft struct {
	order   []failover.Member
	members map[string]*account
	broken  *core.Account
}

func (d *draft) add(a *account) {
	d.members[a.ID] = a
	d.order = append(d.order, failover.Member{ID: a.ID, Group: a.QuotaGroup, Epoch: a.Epoch})
}

// put hands the members over. The map comes before the order: whatever the
// pool picks can be found.
func (d *draft) put(p *pool, all []core.Health) {
	if d == nil {
		d = &draft{members: map[string]*account{}}
	}
	p.broken.Store(d.broken)
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

func (p *pool) account(id string) *account {
	m := p.members.Load()
	if m == nil {
		return nil
	}
	return (*m)[id]
}
