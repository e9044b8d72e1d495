// Package vault holds the use cases of secrets: named values of an owner, how
// they are delivered, and the rules on both. Every method runs inside package
// guard; an input that cannot be by itself is refused before it is an act, and
// leaves no entry in the audit trail.
//
// Entries: "secret.create", "secret.update", "secret.delete" and "secret.import"
// one each, in the transaction of the change; "secret.reveal" an attempt and an
// outcome; readings of metadata none.
package vault

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Vault keeps secrets. It is safe for concurrent use.
type Vault struct {
	guard   *guard.Guard
	keys    *seal.Keys
	limits  Limits
	stepUps StepUps
}

// New makes a Vault; it does no I/O. With nil stepUps only actors of this
// machine's own process reveal.
func New(g *guard.Guard, keys *seal.Keys, l Limits, stepUps StepUps) *Vault {
	return &Vault{guard: g, keys: keys, limits: l.filled(), stepUps: stepUps}
}

// NewSecret is a secret to make. It is enabled unless Disabled.
type NewSecret struct {
	Name, Description, Env, File string
	Value                        secret.Secret
	Disabled, Lookup             bool
	Selector                     core.Selector
}

// Edit changes a secret: what is nil stays. An empty Env or File takes that
// delivery away.
type Edit struct {
	Value                  *secret.Secret
	Description, Env, File *string
	Enabled, Lookup        *bool
	Selector               *core.Selector
}

// Create keeps a new secret. The texts warn of likely collisions with others.
// Errors: invalid, conflict where the name is taken, exhausted at a limit.
func (v *Vault) Create(ctx context.Context, actor core.Actor, in NewSecret) (core.Secret, []string, error) {
	s := in.record(actor.Owner)
	if err := checkNewName(s.Name); err != nil {
		return core.Secret{}, nil, err
	}
	if err := v.limits.checkRecord(s); err != nil {
		return core.Secret{}, nil, err
	}
	if err := v.limits.checkValue(in.Value, s.Env); err != nil {
		return core.Secret{}, nil, err
	}
	var warnings []string
	act := guard.Act{Action: guard.SecretCreate, Subject: guard.SecretSubject(s.Name)}
	err := v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		others, err := list(ctx, tx, actor.Owner)
		if err != nil {
			return err
		}
		if err := v.limits.checkAll(others, s); err != nil {
			return err
		}
		warnings = v.warnings(s, others)
		return v.create(ctx, tx, s, in.Value)
	})
	if err != nil {
		return core.Secret{}, nil, err
	}
	return s, warnings, nil
}

func (in NewSecret) record(o core.Owner) core.Secret {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return core.Secret{
		ID: core.NewID("sec"), Owner: o, Name: in.Name, Description: in.Description, Enabled: !in.Disabled,
		Env: in.Env, File: in.File, Lookup: in.Lookup, Selector: in.Selector, Size: in.Value.Len(),
		Version: 1, ValueVersion: 1, CreatedAt: now, UpdatedAt: now,
	}
}

func (v *Vault) create(ctx context.Context, tx store.Tx, s core.Secret, value secret.Secret) error {
	sealed, err := v.seal(ctx, tx, s, value)
	if err != nil {
		return err
	}
	err = tx.Secrets().Create(ctx, sealed)
	if core.CodeOf(err) == core.Conflict {
		return taken(s.Name).Wrap(err)
	}
	return err
}

func (v *Vault) seal(ctx context.Context, tx store.Tx, s core.Secret, value secret.Secret) (core.SealedSecret, error) {
	key, err := v.keys.Ensure(ctx, tx.Vault(), s.Owner)
	if err != nil {
		return core.SealedSecret{}, err
	}
	c, err := key.Seal(seal.SecretBinding(s), value)
	return core.SealedSecret{Secret: s, KeyID: key.ID(), Ciphertext: c}, err
}

func taken(name string) *core.Error {
	return core.Errorf(core.Conflict, "there is a secret %q already", name).WithField("name").
		WithHint("change it, or choose another name")
}
