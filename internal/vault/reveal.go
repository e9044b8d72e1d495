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

// StepUps keeps the fresh proofs that a reveal at a server takes.
type StepUps interface {
	// Take uses up the step-up with this id. It is an error unless the step-up
	// was approved just now, for this very actor and proof, for this secret at
	// this version, and was not used before.
	Take(ctx context.Context, actor core.Actor, id string, s core.Secret) error
}

// Proof is what a reveal takes beside the right to it.
type Proof struct {
	Confirm string // of a process of this machine's user: the secret's name again
	StepUp  string // of everybody else: the id of an approved step-up
}

// Reveal gives a secret's value to its owner. The attempt and its outcome stand
// in the audit trail, also where the proof is wrong. Errors: forbidden with
// reason "confirm_required" or "step_up_required" or whatever StepUps gives,
// not_found, and unavailable where the trail cannot be written.
func (v *Vault) Reveal(ctx context.Context, actor core.Actor, name string, p Proof) (core.Secret, secret.Secret, error) {
	if err := CheckName(name); err != nil {
		return core.Secret{}, secret.Secret{}, err
	}
	var out core.Secret
	var value secret.Secret
	act := guard.Act{Action: guard.SecretReveal, Subject: guard.SecretSubject(name)}
	err := v.guard.Expose(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		s, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		if err := v.prove(ctx, actor, s.Secret, p); err != nil {
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

// prove takes the second proof. It is asked for the record as the reveal's own
// transaction sees it, so a value that was changed after the approval does not
// go out.
func (v *Vault) prove(ctx context.Context, actor core.Actor, s core.Secret, p Proof) error {
	if actor.Via.Kind == core.ViaLocal {
		if subtle.ConstantTimeCompare([]byte(s.Name), []byte(p.Confirm)) != 1 {
			return core.Errorf(core.Forbidden, "revealing a value has to be confirmed").WithField("confirm").
				WithReason("confirm_required").WithHint("repeat the secret's name as the confirmation")
		}
		return nil
	}
	if v.stepUps == nil || p.StepUp == "" {
		return core.Errorf(core.Forbidden, "revealing a value takes a fresh step-up").WithField("step_up").
			WithReason("step_up_required").WithHint("ask for one (POST /v1/step-ups), have it approved in a browser, and send its id within a minute")
	}
	return v.stepUps.Take(ctx, actor, p.StepUp, s)
}

func (v *Vault) open(ctx context.Context, tx store.Tx, s core.SealedSecret) (secret.Secret, error) {
	key, err := v.keys.Open(ctx, tx.Vault(), s.Owner)
	if err != nil {
		return secret.Secret{}, err
	}
	return key.Open(seal.SecretBinding(s.Secret), s.Ciphertext)
}
