package upkeep

import (
	"context"
	"path/filepath"
	"strconv"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// proofPage is how many proofs are read at once.
const proofPage = 64

// Restored is for a vault that was just made what a backup holds, before anybody
// uses it: one entry says which file that was and where the trail went on, and
// what waits to be approved or used up is dropped in the same transaction. A
// sign-in link that is in the backup is good for nobody.
func (u *Upkeep) Restored(ctx context.Context, actor core.Actor, from store.Copy) error {
	act := guard.Act{Action: guard.VaultRestore, Subject: subject, Detail: map[string]string{
		"file": filepath.Base(from.Path), "digest": "sha256:" + from.Digest,
	}}
	return u.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		heads, err := tx.Audit().Heads(ctx)
		if err != nil {
			return err
		}
		for _, h := range heads {
			note(audit.HeadDetail(h))
		}
		n, err := dropProofs(ctx, tx)
		note("dropped_proofs", strconv.Itoa(n))
		return err
	})
}

// dropProofs removes those of every user, and those that are nobody's yet.
func dropProofs(ctx context.Context, tx store.Tx) (n int, err error) {
	for {
		page, err := tx.Proofs().Page(ctx, store.Page{Limit: proofPage})
		if err != nil || len(page) == 0 {
			return n, err
		}
		dropped, err := tx.Proofs().DeleteAll(ctx, page[0].UserID)
		if err != nil {
			return n, err
		}
		if dropped == 0 {
			return n, core.Errorf(core.Internal, "a sign-in of the backup cannot be removed").WithHint("use another backup")
		}
		n += dropped
	}
}
