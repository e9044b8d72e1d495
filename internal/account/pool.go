package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Pool is the accounts of one provider and namespace with its settings. Its
// Version counts from 1, at which it was never changed; every change of what it
// shows adds at least one, those of its accounts' names and order too.
type Pool struct {
	core.Pool
	Accounts []string // labels, in order
}

// Pools lists the owner's pools in order of provider and namespace: those that
// have accounts, or a setting that is not the usual one.
func (s *Accounts) Pools(ctx context.Context, actor core.Actor) ([]Pool, error) {
	var out []Pool
	err := s.guard.Read(ctx, actor, guard.Act{Action: guard.PoolList, Subject: "pools"}, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = pools(ctx, tx, actor.Owner)
		return err
	})
	return out, err
}

func pools(ctx context.Context, tx store.Tx, o core.Owner) ([]Pool, error) {
	stored, err := tx.Pools().List(ctx, o)
	if err != nil {
		return nil, err
	}
	accounts, err := tx.Accounts().List(ctx, o)
	if err != nil {
		return nil, err
	}
	by := map[[2]string]*Pool{}
	for _, p := range stored {
		by[[2]string{p.Provider, p.Namespace}] = shown(p)
	}
	for _, a := range accounts {
		k := [2]string{a.Provider, a.Namespace}
		if by[k] == nil {
			by[k] = shown(core.Pool{Owner: o, Provider: a.Provider, Namespace: a.Namespace, Strategy: core.Sticky})
		}
		by[k].Accounts = append(by[k].Accounts, a.Label)
	}
	out := make([]Pool, 0, len(by))
	for _, p := range by {
		if p.there() {
			out = append(out, *p)
		}
	}
	slices.SortFunc(out, func(a, b Pool) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Namespace, b.Namespace))
	})
	return out, nil
}

// shown counts versions from 1, since 0 stands for "whichever".
func shown(p core.Pool) *Pool {
	p.Version++
	p.Strategy = cmp.Or(p.Strategy, core.Sticky)
	return &Pool{Pool: p}
}

func (p Pool) there() bool {
	return len(p.Accounts) > 0 || p.AllowAmbiguous || p.Strategy != core.Sticky
}

// Pool finds one pool; errors: not_found.
func (s *Accounts) Pool(ctx context.Context, actor core.Actor, provider, namespace string) (Pool, error) {
	ref, err := poolRef(provider, namespace)
	if err != nil {
		return Pool{}, err
	}
	var out Pool
	act := guard.Act{Action: guard.PoolList, Subject: guard.PoolSubject(ref.pool())}
	err = s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		out, _, err = onePool(ctx, tx, actor.Owner, ref)
		return err
	})
	return out, err
}

// poolRef is a Ref without a label.
func poolRef(provider, namespace string) (Ref, error) {
	r := Ref{Provider: provider, Namespace: namespace}.filled()
	if err := checkPart("provider", r.Provider); err != nil {
		return r, err
	}
	return r, checkPart("namespace", r.Namespace)
}

func (r Ref) pool() string { return r.Provider + "/" + r.Namespace }

func onePool(ctx context.Context, tx store.Tx, o core.Owner, r Ref) (Pool, []core.SealedAccount, error) {
	p, err := settings(ctx, tx, o, r.Provider, r.Namespace)
	if err != nil {
		return Pool{}, nil, err
	}
	members, err := poolOf(ctx, tx, core.Account{Owner: o, Provider: r.Provider, Namespace: r.Namespace})
	if err != nil {
		return Pool{}, nil, err
	}
	out := shown(p)
	out.Accounts = labels(members)
	if !out.there() {
		return Pool{}, nil, core.Errorf(core.NotFound, "there is no pool %s", r.pool()).WithField("pool").
			WithHint("a pool is the accounts of one provider and namespace: add one first, with keyfob account add")
	}
	return *out, members, nil
}

// PoolEdit changes a pool: what is nil stays.
type PoolEdit struct {
	Strategy       *core.Strategy
	AllowAmbiguous *bool
	Accounts       *[]string // labels in their new order: each of the pool's once
}

// UpdatePool changes a pool. expect is the Version that was seen, 0 for
// whichever there is. Errors: not_found, invalid, conflict with reason "stale".
func (s *Accounts) UpdatePool(ctx context.Context, actor core.Actor, provider, namespace string, e PoolEdit, expect int64) (Pool, error) {
	ref, err := poolRef(provider, namespace)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return Pool{}, err
	}
	var out Pool
	act := guard.Act{Action: guard.PoolUpdate, Subject: guard.PoolSubject(ref.pool())}
	err = s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		note.Names("fields", e.fields())
		out, err = e.apply(ctx, tx, actor.Owner, ref, expect)
		return err
	})
	if err != nil {
		return Pool{}, err
	}
	return out, nil
}

func (e PoolEdit) check() error {
	if len(e.fields()) == 0 {
		return core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of strategy, allow ambiguous and accounts")
	}
	if e.Strategy != nil && *e.Strategy != core.Sticky && *e.Strategy != core.RoundRobin {
		return core.Errorf(core.Invalid, "there is no such strategy").WithField("strategy").
			WithHint("the strategies are %s and %s", core.Sticky, core.RoundRobin)
	}
	return nil
}

func (e PoolEdit) fields() []string {
	var out []string
	if e.Strategy != nil {
		out = append(out, "strategy")
	}
	if e.AllowAmbiguous != nil {
		out = append(out, "allow_ambiguous")
	}
	if e.Accounts != nil {
		out = append(out, "accounts")
	}
	return out
}

func (e PoolEdit) apply(ctx context.Context, tx store.Tx, o core.Owner, r Ref, expect int64) (Pool, error) {
	p, members, err := onePool(ctx, tx, o, r)
	if err != nil {
		return Pool{}, err
	}
	if err := core.CheckVersion("pool "+r.pool(), p.Version, expect); err != nil {
		return Pool{}, err
	}
	set(&p.Strategy, e.Strategy)
	set(&p.AllowAmbiguous, e.AllowAmbiguous)
	if e.Accounts != nil {
		if members, err = ordered(members, *e.Accounts); err != nil {
			return Pool{}, err
		}
		p.Accounts = *e.Accounts
		if err := renumber(ctx, tx, members, ""); err != nil {
			return Pool{}, err
		}
	}
	p.UpdatedAt = now()
	if err := tx.Pools().Put(ctx, p.Pool, p.Version-1); err != nil {
		return Pool{}, err
	}
	p.Version++
	return p, nil
}

// ordered gives the accounts in the order of the labels, which must name each
// once.
func ordered(pool []core.SealedAccount, want []string) ([]core.SealedAccount, error) {
	by := map[string]core.SealedAccount{}
	for _, a := range pool {
		by[a.Label] = a
	}
	var out []core.SealedAccount
	var wrong []core.Detail
	seen := map[string]bool{}
	for i, label := range want {
		a, ok := by[label]
		switch {
		case !ok:
			wrong = append(wrong, core.Detail{Field: fmt.Sprintf("accounts[%d]", i), Message: "the pool has no such account"})
		case seen[label]:
			wrong = append(wrong, core.Detail{Field: fmt.Sprintf("accounts[%d]", i), Message: "it is named twice"})
		}
		seen[label] = true
		out = append(out, a)
	}
	for _, a := range pool {
		if !seen[a.Label] {
			wrong = append(wrong, core.Detail{Field: "accounts", Message: a.Label + " is missing"})
		}
	}
	if len(wrong) == 0 {
		return out, nil
	}
	e := core.Errorf(core.Invalid, "the new order does not name each account of the pool once").WithField("accounts").
		WithHint("the pool has %s", strings.Join(labels(pool), ", "))
	e.Details = wrong
	return nil, e
}
