package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Restore checks the backup from and makes a copy of it the database at path,
// mode 0600; opening it brings an older one to FormatVersion. settle, if it is not
// nil, works on the copy before anybody else can open it, and where it fails
// nothing is restored. A database that is there is kept under the name that comes back (empty: there was none), and must
// not be in use by any process (unavailable, reason "store_in_use").
//
// What was undone since the backup is done again: tokens that were revoked are
// good once more, and secrets that were deleted are there.
func Restore(ctx context.Context, from, path string, settle Settle) (copied store.Copy, aside string, err error) {
	if copied, err = CheckBackup(ctx, from); err != nil {
		return store.Copy{}, "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil || abs == copied.Path {
		return store.Copy{}, "", core.Errorf(core.Invalid, "%s cannot be restored to itself", path).WithHint("check the path").Wrap(err)
	}
	if err := idle(ctx, abs); err != nil {
		return store.Copy{}, "", err
	}
	temp, err := reserve(abs)
	if err != nil {
		return store.Copy{}, "", placeError(abs, err)
	}
	defer removeAll(temp)
	if copied.Digest, err = copyInto(copied.Path, temp); err != nil {
		return store.Copy{}, "", placeError(abs, err)
	}
	if err := settled(ctx, temp, copied, settle); err != nil {
		return store.Copy{}, "", err
	}
	if aside, err = setAside(abs); err != nil {
		return store.Copy{}, aside, placeError(abs, err)
	}
	if err := os.Rename(temp, abs); err != nil {
		return store.Copy{}, aside, placeError(abs, err)
	}
	return copied, aside, placed(abs)
}

// Settle works on a restored database that only it has open.
type Settle func(ctx context.Context, st *Store, of store.Copy) error

// settled has all that settle wrote in the one file: a log beside it would not
// come along.
func settled(ctx context.Context, path string, of store.Copy, settle Settle) error {
	if settle == nil {
		return nil
	}
	st, err := Open(ctx, path)
	if err != nil {
		return err
	}
	if err := errors.Join(settle(ctx, st, of), st.Close()); err != nil {
		return err
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return placeError(path, errors.New("its log was not taken into it"))
	}
	if err := syncFile(path); err != nil {
		return placeError(path, err)
	}
	return nil
}

func removeAll(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
}

func placed(path string) error {
	if err := syncDir(filepath.Dir(path)); err != nil {
		return placeError(path, err)
	}
	return nil
}

// idle says whether a database is in use. A log beside it is taken into it on
// the way: to leave the mode that has one takes being alone. A damaged database
// is no obstacle, being what a backup is for.
func idle(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite", dsn(path, 0, append([]string{"locking_mode(EXCLUSIVE)"}, writePragmas...)))
	if err != nil {
		return (&Store{path: path}).fault(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if retryable(err) || (err == nil && mode != "delete") {
		return core.Errorf(core.Unavailable, "the database is in use").WithFile(path).WithReason("store_in_use").
			WithHint("stop every keyfob that uses it, and try again").Wrap(err)
	}
	if err != nil && ctx.Err() != nil {
		return (&Store{path: path}).fault(ctx.Err())
	}
	return nil
}

// setAside keeps the old database, with what stands beside it, under a new name.
// The log goes first: beside the restored file, SQLite would take it for that
// one's.
func setAside(path string) (string, error) {
	aside := path + ".before-" + time.Now().UTC().Format("20060102T150405.000")
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	// As a second name, so that there is a database at path at each moment.
	err := os.Link(path, aside)
	switch {
	case err == nil:
		return aside, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, fs.ErrExist):
		return "", err
	}
	return aside, os.Rename(path, aside) // a file system without hard links
}

// copyInto gives the SHA-256 of what it copied.
func copyInto(from, to string) (string, error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}
