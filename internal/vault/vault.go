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
	guard  *guard.Guard
	keys   *seal.Keys
	limits Limits
}

// New makes a Vault; it does no I/O.
func New(g *guard.Guard, keys *seal.Keys, l Limits) *Vault {
	return &Vault{guard: g, keys: keys, limits: l.filled()}
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
	Version                int64 // the version that was seen; 0: whichever there is
}

// Create keeps a new secret. The texts warn of likely collisions with others.
// Errors: invalid, conflict where the name is taken, exhausted at a limit.
func (v *Vault) Create(ctx context.Context, actor core.Actor, in NewSecret) (core.Secret, []string, error) {
	s := in.record(actor.Owner)
	if err := v.limits.checkRecord(s); err != nil {
		return core.Secret{}, nil, err
	}
	if err := v.limits.checkValue(in.Value, s.Env); err != nil {
		return core.Secret{}, nil, err
	}
	var warnings []string
	act := guard.Act{Action: guard.SecretCreate, Subject: guard.SecretSubject(s.Name)}
	err := v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		others, err := list(ctx, tx, actor.Owner)
		if err != nil {
			return err
		}
		if err := v.limits.checkAll(others, s); err != nil {
			return err
		}
		warnings = collisions(s, others)
		return v.create(ctx, tx, note, s, in.Value)
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

func (v *Vault) create(ctx context.Context, tx store.Tx, note guard.Note, s core.Secret, value secret.Secret) error {
	sealed, err := v.seal(ctx, tx, s, value)
	if err != nil {
		return err
	}
	note.Wrote(guard.SecretRecord(sealed))
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

// Update changes a secret. A new value is sealed anew. Errors: not_found,
// invalid, conflict where it is not at Edit.Version any more, exhausted.
func (v *Vault) Update(ctx context.Context, actor core.Actor, name string, e Edit) (core.Secret, []string, error) {
	if err := e.check(name); err != nil {
		return core.Secret{}, nil, err
	}
	var next core.Secret
	var warnings []string
	act := guard.Act{Action: guard.SecretUpdate, Subject: guard.SecretSubject(name), Detail: map[string]string{"fields": guard.Names(e.fields())}}
	err := v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		old, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		if e.Version != 0 && e.Version != old.Version {
			return stale(name, e.Version, old.Version)
		}
		next = e.apply(old.Secret)
		warnings, err = v.checkChange(ctx, tx, next, e)
		if err != nil {
			return err
		}
		return v.update(ctx, tx, note, old, next, e.Value)
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
	return collisions(next, others), v.limits.checkAll(others, next)
}

func (v *Vault) update(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedSecret, next core.Secret, value *secret.Secret) error {
	sealed := core.SealedSecret{Secret: next, KeyID: old.KeyID, Ciphertext: old.Ciphertext}
	if value != nil {
		var err error
		if sealed, err = v.seal(ctx, tx, next, *value); err != nil {
			return err
		}
		note.Wrote(guard.SecretRecord(sealed))
	}
	return tx.Secrets().Update(ctx, sealed, old.Version)
}

func stale(name string, seen, is int64) error {
	return core.Errorf(core.Conflict, "secret %q is at version %d by now, not %d: somebody else changed it", name, is, seen).
		WithField("version").WithHint("look at it again, then repeat the change")
}

// Get finds one secret; errors: not_found.
func (v *Vault) Get(ctx context.Context, actor core.Actor, name string) (core.Secret, error) {
	if err := CheckName(name); err != nil {
		return core.Secret{}, err
	}
	var out core.Secret
	act := guard.Act{Action: guard.SecretGet, Subject: guard.SecretSubject(name)}
	err := v.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		s, err := get(ctx, tx, actor.Owner, name)
		out = s.Secret
		return err
	})
	return out, err
}

// List gives the owner's secrets in order of name.
func (v *Vault) List(ctx context.Context, actor core.Actor) ([]core.Secret, error) {
	var out []core.Secret
	err := v.guard.Read(ctx, actor, guard.Act{Action: guard.SecretList, Subject: "secrets"}, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = list(ctx, tx, actor.Owner)
		return err
	})
	return out, err
}

// Delete removes a secret and its value; errors: not_found.
func (v *Vault) Delete(ctx context.Context, actor core.Actor, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	act := guard.Act{Action: guard.SecretDelete, Subject: guard.SecretSubject(name)}
	return v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		s, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		note.Removed(guard.SecretRecord(s))
		return tx.Secrets().Delete(ctx, s.ID, s.Version)
	})
}

func get(ctx context.Context, tx store.Tx, o core.Owner, name string) (core.SealedSecret, error) {
	s, err := tx.Secrets().Get(ctx, o, name)
	if core.CodeOf(err) == core.NotFound {
		return s, core.Errorf(core.NotFound, "there is no secret %q", name).WithField("name").
			WithHint("keyfob secret list shows those there are").Wrap(err)
	}
	return s, err
}

func list(ctx context.Context, tx store.Tx, o core.Owner) ([]core.Secret, error) {
	sealed, err := tx.Secrets().List(ctx, o)
	out := make([]core.Secret, 0, len(sealed))
	for _, s := range sealed {
		out = append(out, s.Secret)
	}
	return out, err
}
