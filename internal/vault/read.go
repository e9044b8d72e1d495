package vault

import (
	"context"
	"math"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

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

// List gives the owner's secrets in order of name, which is a page's key. A
// limit of 0 or less gives all from there on.
func (v *Vault) List(ctx context.Context, actor core.Actor, p store.Page) ([]core.Secret, error) {
	if p.Limit <= 0 {
		p.Limit = math.MaxInt32
	}
	var out []core.Secret
	err := v.guard.Read(ctx, actor, guard.Act{Action: guard.SecretList, Subject: "secrets"}, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = tx.Secrets().Page(ctx, actor.Owner, p)
		return err
	})
	return out, err
}

// Given lists what the organisation gives the acting user, in order of name:
// secrets that are enabled, but for those that are for another user's workspaces.
// user is the actor's name.
func (v *Vault) Given(ctx context.Context, actor core.Actor, user string) ([]core.Secret, error) {
	var out []core.Secret
	err := v.guard.Read(ctx, actor, guard.Act{Action: guard.SecretList, Subject: "organisation"}, func(ctx context.Context, tx store.Tx) error {
		all, err := list(ctx, tx, core.Org)
		for _, s := range all {
			if s.Enabled && s.Selector.MayReach(user) {
				out = append(out, s)
			}
		}
		return err
	})
	return out, err
}

// Delete removes a secret and its value; expect is that of Update. Errors:
// not_found, conflict with reason "stale".
func (v *Vault) Delete(ctx context.Context, actor core.Actor, name string, expect int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	act := guard.Act{Action: guard.SecretDelete, Subject: guard.SecretSubject(name)}
	return v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		s, err := get(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		if err := core.CheckVersion("secret "+strconv.Quote(s.Name), s.Version, expect); err != nil {
			return err
		}
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

// list gives all of an owner's secrets without reading a ciphertext.
func list(ctx context.Context, tx store.Tx, o core.Owner) ([]core.Secret, error) {
	return tx.Secrets().Page(ctx, o, store.Page{Limit: math.MaxInt32})
}
