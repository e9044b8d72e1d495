package workspace

import (
	"context"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

// Lookups lists the secrets that the acting workspace may look up, in order of
// name: its owner's and the organisation's, of which Owner tells.
func (s *Workspaces) Lookups(ctx context.Context, actor core.Actor) ([]core.Secret, error) {
	var out []core.Secret
	act := guard.Act{Action: guard.WorkspaceLookups, Subject: guard.WorkspaceSubject(actor.ID)}
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		found, err := lookups(ctx, tx, actor)
		for _, d := range found {
			out = append(out, d.secret)
		}
		return err
	})
	return out, err
}

func lookups(ctx context.Context, tx store.Tx, actor core.Actor) ([]delivery, error) {
	w, err := self(ctx, tx, actor)
	if err != nil {
		return nil, err
	}
	if w, err = matched(ctx, tx, w); err != nil {
		return nil, err
	}
	list, err := dueTo(ctx, tx, w)
	return planFor(w, list).lookups, err
}

// Lookup gives the value of a secret that allows lookup and is for the acting
// workspace; of two with the name, the one that goes before the other. The
// attempt and its outcome are recorded each time. A secret that is not there,
// not for this workspace, disabled or not to be looked up is the same not_found,
// so that a workspace cannot find out which there are.
func (s *Workspaces) Lookup(ctx context.Context, actor core.Actor, name string) (secret.Secret, error) {
	if err := vault.CheckName(name); err != nil {
		return secret.Secret{}, err
	}
	var value secret.Secret
	act := guard.Act{Action: guard.WorkspaceLookup, Subject: guard.SecretSubject(name)}
	err := s.guard.Expose(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		found, err := lookups(ctx, tx, actor)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(found, func(d delivery) bool { return d.target == name })
		if i < 0 {
			return core.Errorf(core.NotFound, "there is no secret %q to look up in this workspace", name).WithField("name").
				WithHint("its owner allows it with: keyfob secret edit NAME --lookup; and its selector must match this workspace")
		}
		value, err = s.show(ctx, tx, note, found[i].secret)
		return err
	})
	if err != nil {
		return secret.Secret{}, err
	}
	return value, nil
}

func (s *Workspaces) show(ctx context.Context, tx store.Tx, note guard.Note, one core.Secret) (secret.Secret, error) {
	sealed, err := tx.Secrets().Get(ctx, one.Owner, one.Name)
	if err != nil {
		return secret.Secret{}, err
	}
	note.Shows(sealed)
	if one.Owner == core.Org {
		note("owner", one.Owner.String())
	}
	key, err := s.keys.Open(ctx, tx.Vault(), one.Owner)
	if err != nil {
		return secret.Secret{}, err
	}
	return key.Open(seal.SecretBinding(sealed.Secret), sealed.Ciphertext)
}
