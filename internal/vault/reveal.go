package vault

import (
	"context"
	"crypto/subtle"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Reveal gives a secret's value to its owner. confirm must be the name again:
// on one machine that is the step-up. The attempt and its outcome stand in the
// audit trail, also of a confirmation that is wrong. Errors: forbidden with
// reason "confirm_required", not_found, and unavailable where the trail cannot
// be written.
func (v *Vault) Reveal(ctx context.Context, actor core.Actor, name, confirm string) (core.Secret, secret.Secret, error) {
	if err := CheckName(name); err != nil {
		return core.Secret{}, secret.Secret{}, err
	}
	var out core.Secret
	var value secret.Secret
	act := guard.Act{Action: guard.SecretReveal, Subject: guard.SecretSubject(name)}
	err := v.guard.Expose(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if subtle.ConstantTimeCompare([]byte(name), []byte(confirm)) != 1 {
			return core.Errorf(core.Forbidden, "revealing a value has to be confirmed").WithField("confirm").
				WithReason("confirm_required").WithHint("repeat the secret's name as the confirmation")
		}
		s, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		note.Shows(s)
		out = s.Secret
		value, err = v.open(ctx, tx, s)
		return err
	})
	if err != nil {
		return core.Secret{}, secret.Secret{}, err
	}
	return out, value, nil
}

func (v *Vault) open(ctx context.Context, tx store.Tx, s core.SealedSecret) (secret.Secret, error) {
	key, err := v.keys.Open(ctx, tx.Vault(), s.Owner)
	if err != nil {
		return secret.Secret{}, err
	}
	return key.Open(seal.SecretBinding(s.Secret), s.Ciphertext)
}
