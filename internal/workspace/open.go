package workspace

import (
	"context"
	"errors"
	"fmt"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// open fills in the values. One that does not open fails the whole manifest: a
// workspace that lacks a part in silence is worse than none.
func (s *Workspaces) open(ctx context.Context, tx store.Tx, b draft) (Manifest, error) {
	values, err := s.values(ctx, tx, b)
	if err != nil {
		return Manifest{}, err
	}
	for _, d := range b.plan.env {
		b.m.Env = append(b.m.Env, EnvDelivery{Secret: d.secret.Name, Org: d.org(), Name: d.target, Value: values[d.secret.ID]})
	}
	for _, d := range b.plan.files {
		b.m.Files = append(b.m.Files, FileDelivery{Secret: d.secret.Name, Org: d.org(), Path: d.target, Value: values[d.secret.ID]})
	}
	return b.m, nil
}

// values opens each secret of a draft with its owner's key.
func (s *Workspaces) values(ctx context.Context, tx store.Tx, b draft) (map[string]secret.Secret, error) {
	keys := map[core.Owner]*seal.DataKey{}
	out := make(map[string]secret.Secret, len(b.sealed))
	for _, one := range b.plan.valued() {
		key := keys[one.Owner]
		if key == nil {
			var err error
			if key, err = s.keys.Open(ctx, tx.Vault(), one.Owner); err != nil {
				return nil, err
			}
			keys[one.Owner] = key
		}
		value, err := openOne(key, b.sealed[one.ID])
		if err != nil {
			return nil, err
		}
		out[one.ID] = value
	}
	return out, nil
}

// openOne names the secret in the error, since it is one of many.
func openOne(key *seal.DataKey, s core.SealedSecret) (secret.Secret, error) {
	value, err := key.Open(seal.SecretBinding(s.Secret), s.Ciphertext)
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		return value, err
	}
	named := *e
	named.Message = fmt.Sprintf("secret %q: %s", s.Name, e.Message)
	return secret.Secret{}, named.WithHint("%s; without it: --except %q", e.Hint, s.Name)
}
