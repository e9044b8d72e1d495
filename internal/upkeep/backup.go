package upkeep

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Backuper is a store that can copy itself to a new file while it is in use.
type Backuper interface {
	BackupTo(ctx context.Context, path string) (store.Copy, error)
}

// Backup copies the vault to a new file, and records it: the copy holds every
// ciphertext. A file that is there is never replaced; on any error none is left.
func (u *Upkeep) Backup(ctx context.Context, actor core.Actor, from Backuper, path string) (store.Copy, error) {
	var out store.Copy
	act := guard.Act{Action: guard.VaultBackup, Subject: subject, Detail: map[string]string{"path": path}}
	err := u.guard.Expose(ctx, actor, act, func(ctx context.Context, _ store.Tx, note guard.Note) error {
		var err error
		if out, err = from.BackupTo(ctx, path); err == nil {
			note("bytes", strconv.FormatInt(out.Bytes, 10))
			note("root_key", out.Header.RootKeyID)
		}
		return err
	})
	if err == nil {
		return out, nil
	}
	if out.Path != "" {
		if rm := os.Remove(out.Path); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return store.Copy{}, err
}
