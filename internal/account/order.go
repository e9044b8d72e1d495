package account

import (
	"context"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// poolOf lists the stored accounts of a's provider and namespace in order.
func poolOf(ctx context.Context, tx store.Tx, a core.Account) ([]core.SealedAccount, error) {
	all, err := tx.Accounts().List(ctx, a.Owner)
	return slices.DeleteFunc(all, func(o core.SealedAccount) bool {
		return o.Provider != a.Provider || o.Namespace != a.Namespace
	}), err
}

func without(pool []core.SealedAccount, id string) []core.SealedAccount {
	return slices.DeleteFunc(slices.Clone(pool), func(o core.SealedAccount) bool { return o.ID == id })
}

// renumber gives each account of a pool its place as its position, from 0
// without gaps; but skip is left to the caller to write. Like every write, it
// adds one to the version of each account that moves.
func renumber(ctx context.Context, tx store.Tx, pool []core.SealedAccount, skip string) error {
	for i, a := range pool {
		if a.ID == skip || a.Position == i {
			continue
		}
		a.Position = i
		a.Version++
		if err := tx.Accounts().Update(ctx, a, a.Version-1); err != nil {
			return err
		}
	}
	return nil
}

// place puts a into its pool at a position and renumbers the others. old is a
// as it is stored.
func place(ctx context.Context, tx store.Tx, old, a core.SealedAccount, position *int) (core.SealedAccount, error) {
	moved := old.Namespace != a.Namespace
	if moved {
		left, err := poolOf(ctx, tx, old.Account)
		if err != nil {
			return a, err
		}
		if err := renumber(ctx, tx, without(left, a.ID), ""); err != nil {
			return a, err
		}
	}
	if !moved && position == nil {
		return a, nil
	}
	pool, err := poolOf(ctx, tx, a.Account)
	if err != nil {
		return a, err
	}
	pool = without(pool, a.ID)
	a.Position = len(pool)
	if position != nil {
		a.Position = min(*position, len(pool))
	}
	return a, renumber(ctx, tx, slices.Insert(pool, a.Position, a), a.ID)
}

// touch gives the pool that a is in the next version, since what it shows
// changed. Its settings stay.
func touch(ctx context.Context, tx store.Tx, a core.Account) error {
	p, err := settings(ctx, tx, a.Owner, a.Provider, a.Namespace)
	if err != nil {
		return err
	}
	p.UpdatedAt = now()
	return tx.Pools().Put(ctx, p, p.Version)
}

// touchMoved does so for the pools that show a change of an account.
func touchMoved(ctx context.Context, tx store.Tx, old, next core.Account) error {
	moved := old.Namespace != next.Namespace
	if !moved && old.Label == next.Label && old.Position == next.Position {
		return nil
	}
	if moved {
		if err := touch(ctx, tx, old); err != nil {
			return err
		}
	}
	return touch(ctx, tx, next)
}

// settings are a pool's as they are stored, else the zero value's.
func settings(ctx context.Context, tx store.Tx, o core.Owner, provider, namespace string) (core.Pool, error) {
	p, err := tx.Pools().Get(ctx, o, provider, namespace)
	if core.CodeOf(err) == core.NotFound {
		p, err = core.Pool{Owner: o, Provider: provider, Namespace: namespace, Strategy: core.Sticky}, nil
	}
	return p, err
}
