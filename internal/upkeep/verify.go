package upkeep

import (
	"context"
	"errors"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

// Values says which stored values open.
type Values struct {
	Secrets, Accounts, MCPServers int
	Problems                      []string // one line each, naming the record and never a value
}

// VerifyValues opens every value of every owner, and drops it at once. Another
// root key than the vault's is an error; whatever else does not open is a
// problem of its record.
func (u *Upkeep) VerifyValues(ctx context.Context, actor core.Actor) (Values, error) {
	var out Values
	act := guard.Act{Action: guard.VaultVerify, Subject: subject}
	err := u.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		owners, err := tx.Vault().Owners(ctx)
		if err != nil {
			return err
		}
		for _, o := range owners {
			if err := u.verify(ctx, tx, o, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (u *Upkeep) verify(ctx context.Context, tx store.Tx, o core.Owner, out *Values) error {
	key, keyErr := u.keys.Open(ctx, tx.Vault(), o)
	if keyErr != nil && !own(keyErr) {
		return keyErr
	}
	for at := (cursor{}); ; {
		page, next, err := at.next(ctx, tx, o, "")
		if err != nil || len(page) == 0 {
			return err
		}
		at = next
		for _, r := range page {
			out.count(r.kind)
			if why := opens(key, keyErr, r); why != "" {
				out.Problems = append(out.Problems, named(r, o)+" does not open: "+why)
			}
		}
	}
}

// own says whether it is one owner's key that is wrong, and not the root key or
// the store.
func own(err error) bool {
	return core.CodeOf(err) == core.NotFound || mismatched(err)
}

func mismatched(err error) bool {
	return errors.Is(err, &core.Error{Code: core.Internal, Reason: seal.ReasonMismatch})
}

func opens(key *seal.DataKey, keyErr error, r record) string {
	if keyErr != nil {
		return "its owner's data key is gone, or was changed outside Keyfob"
	}
	if _, err := key.Open(r.binding, r.ciphertext); err != nil {
		return map[kind]string{
			secretKind:  "it was changed outside Keyfob",
			accountKind: "it, or its base URL, was changed outside Keyfob",
			mcpKind:     "it, or its URL or command, was changed outside Keyfob",
		}[r.kind]
	}
	return ""
}

// named leaves out the one user of a machine.
func named(r record, o core.Owner) string {
	if o == core.Local {
		return r.name
	}
	return r.name + " of " + o.String()
}

func (v *Values) count(k kind) {
	switch k {
	case secretKind:
		v.Secrets++
	case accountKind:
		v.Accounts++
	case mcpKind:
		v.MCPServers++
	}
}
