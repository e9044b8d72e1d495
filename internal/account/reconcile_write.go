package account

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

func sealBinding(a core.SealedAccount) seal.Binding { return seal.AccountBinding(a.Account) }

// write does what was planned: removals first, then changes, then what is new.
func (r *reconciler) write(ctx context.Context) error {
	for _, do := range []struct {
		action string
		fn     func(context.Context, *step) error
	}{{Delete, r.remove}, {Update, r.update}, {Same, r.update}, {Extra, r.update}, {Create, r.create}} {
		for _, st := range r.steps {
			if st.change.Action != do.action {
				continue
			}
			if err := do.fn(ctx, st); err != nil {
				return err
			}
		}
	}
	return r.touch(ctx)
}

func (r *reconciler) remove(ctx context.Context, st *step) error {
	return r.tx.Accounts().Delete(ctx, st.old.ID, st.old.Version)
}

func (r *reconciler) create(ctx context.Context, st *step) error {
	if err := r.seal(ctx, st); err != nil {
		return err
	}
	return r.tx.Accounts().Create(ctx, st.next)
}

// update also writes an account that only moved up or down.
func (r *reconciler) update(ctx context.Context, st *step) error {
	if len(st.change.Fields) == 0 && st.old.Position == st.next.Position {
		return nil
	}
	st.next.Version++
	st.next.UpdatedAt = now()
	if st.key != nil {
		st.next.ValueVersion++
		st.next.Fingerprint = fingerprint(*st.key)
		if err := r.seal(ctx, st); err != nil {
			return err
		}
	}
	if err := r.tx.Accounts().Update(ctx, st.next, st.old.Version); err != nil || st.key == nil {
		return err
	}
	return newEpoch(ctx, r.tx, st.next.Account)
}

func (r *reconciler) seal(ctx context.Context, st *step) error {
	sealed, err := r.s.seal(ctx, r.tx, st.next.Account, *st.key)
	if err != nil {
		return err
	}
	st.next = sealed
	r.note("upstream "+st.change.Ref, sealBinding(sealed).Origin)
	return nil
}

// touch gives each pool that shows a change its next version.
func (r *reconciler) touch(ctx context.Context) error {
	touched := map[string]bool{}
	for _, st := range r.steps {
		pool := st.next.Provider + "/" + st.next.Namespace
		shows := st.reorders || st.change.Action == Create || st.change.Action == Delete
		if !shows || touched[pool] {
			continue
		}
		touched[pool] = true
		if err := touch(ctx, r.tx, st.next.Account); err != nil {
			return err
		}
	}
	return nil
}

// newEpoch ends everything that is held against an account.
func newEpoch(ctx context.Context, tx store.Tx, a core.Account) error {
	return tx.Health().Merge(ctx, []core.Health{{AccountID: a.ID, Kind: kindOK, Epoch: a.Epoch + 1, UpdatedAt: now()}})
}
