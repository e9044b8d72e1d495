package upkeep

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Reencrypted says how far sealing anew is.
type Reencrypted struct {
	Resumed  bool     // an earlier run was not at its end; it was gone on with
	Owners   int      // whose values all are sealed with their new key
	Records  int      // values that were sealed anew
	Problems []string // values that do not open and so were left; their owners keep their older key too
}

// ReencryptData gives every owner a new data key and seals every value anew with
// it; then the older keys go. progress, where it is not nil, is told after each
// transaction.
//
// It may be cut off at any moment: every value opens at each, and the next run
// goes on where this one was. Others may read and write meanwhile. What does not
// open is left as it is and named: once it is entered again or removed, another
// run finishes its owner.
func (u *Upkeep) ReencryptData(ctx context.Context, actor core.Actor, progress func(Reencrypted)) (Reencrypted, error) {
	var out Reencrypted
	if progress == nil {
		progress = func(Reencrypted) {}
	}
	owners, err := u.rotate(ctx, actor, &out)
	if err != nil {
		return out, err
	}
	for _, o := range owners {
		progress(out)
		for at := (cursor{}); ; {
			step, err := u.step(ctx, actor, o, at)
			if err != nil {
				return out, err
			}
			at = step.next
			out.Records += step.records
			out.Problems = append(out.Problems, step.problems...)
			if step.finished {
				out.Owners++
			}
			progress(out)
			if step.last {
				break
			}
		}
	}
	return out, nil
}

// rotate gives every owner a new data key beside the older one, in one
// transaction, and says whose values are to be sealed anew. Where some owner has
// an older key still, a run was cut off: then nobody gets another one.
func (u *Upkeep) rotate(ctx context.Context, actor core.Actor, out *Reencrypted) (owners []core.Owner, err error) {
	act := guard.Act{Action: guard.VaultReencrypt, Subject: subject}
	err = u.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		all, unfinished, err := u.keyed(ctx, tx)
		if err != nil {
			return err
		}
		owners = unfinished
		if out.Resumed = len(unfinished) > 0; !out.Resumed {
			owners = all
			for _, o := range all {
				if _, err := u.keys.Rotate(ctx, tx.Vault(), o); err != nil {
					return err
				}
			}
		}
		note("owners", strconv.Itoa(len(owners)))
		note("resumed", strconv.FormatBool(out.Resumed))
		return nil
	})
	return owners, err
}

// keyed lists the owners with a data key, and those of them with an older one.
func (u *Upkeep) keyed(ctx context.Context, tx store.Tx) (all, unfinished []core.Owner, err error) {
	keys, err := tx.Vault().Keys(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range keys {
		k, err := u.keys.Open(ctx, tx.Vault(), w.Owner)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, w.Owner)
		if k.Older() > 0 {
			unfinished = append(unfinished, w.Owner)
		}
	}
	return all, unfinished, nil
}

// step is what one transaction did for an owner.
type step struct {
	next     cursor
	records  int
	problems []string
	last     bool // there is nothing left to do
	finished bool // and the older keys are gone
}

func (u *Upkeep) step(ctx context.Context, actor core.Actor, o core.Owner, at cursor) (out step, err error) {
	act := guard.Act{Action: guard.VaultReencrypt, Subject: subject, Detail: map[string]string{"owner": o.String()}}
	err = u.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		key, err := u.keys.Open(ctx, tx.Vault(), o)
		if err != nil {
			return err
		}
		page, next, err := at.next(ctx, tx, o, key.ID())
		if err != nil {
			return err
		}
		out = step{next: next}
		if len(page) == 0 {
			return u.drop(ctx, tx, note, o, key.ID(), &out)
		}
		for _, r := range page {
			err := r.reseal(ctx, tx, key)
			switch {
			case err == nil:
				out.records++
			case mismatched(err):
				out.problems = append(out.problems, named(r, o)+" does not open: it was left as it is")
			default:
				return err
			}
		}
		note("records", strconv.Itoa(out.records))
		note("problems", strconv.Itoa(len(out.problems)))
		return nil
	})
	return out, err
}

// drop ends an owner's run. The older keys go only where, in this very
// transaction, no record is left that one of them sealed.
func (u *Upkeep) drop(ctx context.Context, tx store.Tx, note guard.Note, o core.Owner, keyID string, out *step) error {
	out.last = true
	left, _, err := cursor{}.next(ctx, tx, o, keyID)
	if err != nil || len(left) > 0 {
		note("kept", "the older keys")
		return err
	}
	note("dropped", "the older keys")
	out.finished = true
	_, err = u.keys.Drop(ctx, tx.Vault(), o)
	return err
}
