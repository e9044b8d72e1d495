package upkeep

import (
	"context"
	"strconv"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

// Rekey gives the vault another root key: it wraps every owner's data key anew,
// in one transaction, and hands the signing of the audit trail over. No value is
// sealed anew; for that there is ReencryptData. custody is the driver that keeps
// the new key; empty: the one that the header names.
//
// Before, the new key must be durable where it is kept, and the old one must
// stay there: until Rekey returns, either may be the one that the vault needs.
// The header says which (Header.RootKeyID); a process that was killed meanwhile
// looks there. Backups made before still need the old key.
//
// Afterwards this process goes on with the new key. Other processes that have
// the vault open answer unavailable, reason "root_key_mismatch", until they are
// started again.
//
// Errors: conflict for the root key that the vault has already; unavailable
// where the open root key is not the vault's.
func (u *Upkeep) Rekey(ctx context.Context, actor core.Actor, root seal.RootKey, custody string) error {
	if root.ID() == "" {
		return core.Errorf(core.Invalid, "there is no root key to change to").WithHint("make one first")
	}
	act := guard.Act{Action: guard.VaultRekey, Subject: subject}
	err := u.guard.Rekey(ctx, actor, act, audit.NewSigner(root.AuditKey), func(ctx context.Context, tx store.Tx, note guard.Note) error {
		return u.rewrap(ctx, tx, note, root, custody)
	})
	if err == nil {
		u.keys.Use(root)
	}
	return err
}

func (u *Upkeep) rewrap(ctx context.Context, tx store.Tx, note guard.Note, root seal.RootKey, custody string) error {
	h, err := tx.Vault().Header(ctx)
	if err != nil {
		return err
	}
	switch {
	case h.RootKeyID == root.ID():
		return core.Errorf(core.Conflict, "the vault has this root key already").WithReason("same_root_key").
			WithHint("nothing was changed; make another key")
	case h.RootKeyID != u.keys.RootKeyID():
		return core.Errorf(core.Unavailable, "the open root key is not the vault's").WithReason(seal.ReasonWrongRoot).
			WithHint("nothing was changed; open the vault with its own root key")
	}
	keys, err := tx.Vault().Keys(ctx)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if keys[i], err = u.keys.Rewrap(k, root); err != nil {
			return err
		}
	}
	note("was", h.RootKeyID)
	note("root_key", root.ID())
	note("data_keys", strconv.Itoa(len(keys)))
	h.RootKeyID = root.ID()
	if custody != "" {
		h.Custody = custody
	}
	note("custody", h.Custody)
	return tx.Vault().Rewrap(ctx, h, keys)
}
