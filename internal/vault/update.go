package vault

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Update changes a secret. A new value is sealed anew. expect is the version
// that was seen; 0 takes whichever there is. Errors: not_found, invalid,
// exhausted, conflict with reason "stale" where it is at another version.
func (v *Vault) Update(ctx context.Context, actor core.Actor, name string, e Edit, expect int64) (core.Secret, []string, error) {
	if err := e.check(name); err != nil {
		return core.Secret{}, nil, err
	}
	var next core.Secret
	var warnings []string
	act := guard.Act{Action: guard.SecretUpdate, Subject: guard.SecretSubject(name), Detail: map[string]string{"fields": guard.Names(e.fields())}}
	err := v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		old, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		if err := core.CheckVersion("secret "+strconv.Quote(old.Name), old.Version, expect); err != nil {
			return err
		}
		next = e.apply(old.Secret)
		warnings, err = v.checkChange(ctx, tx, next, e)
		if err != nil {
			return err
		}
		return v.update(ctx, tx, old, next, e.Value)
	})
	if err != nil {
		return core.Secret{}, nil, err
	}
	return next, warnings, nil
}

func (v *Vault) checkChange(ctx context.Context, tx store.Tx, next core.Secret, e Edit) ([]string, error) {
	if err := v.limits.checkRecord(next); err != nil {
		return nil, err
	}
	if e.Value != nil {
		if err := v.limits.checkValue(*e.Value, next.Env); err != nil {
			return nil, err
		}
	}
	others, err := list(ctx, tx, next.Owner)
	if err != nil {
		return nil, err
	}
	return v.warnings(next, others), v.limits.checkAll(others, next)
}

func (v *Vault) update(ctx context.Context, tx store.Tx, old core.SealedSecret, next core.Secret, value *secret.Secret) error {
	sealed := core.SealedSecret{Secret: next, KeyID: old.KeyID, Ciphertext: old.Ciphertext}
	if value != nil {
		var err error
		if sealed, err = v.seal(ctx, tx, next, *value); err != nil {
			return err
		}
	}
	return tx.Secrets().Update(ctx, sealed, old.Version)
}
