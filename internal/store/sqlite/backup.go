package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

var backupPragmas = []string{"trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)"}

// BackupTo writes the state of one moment to a new file (mode 0600) at path,
// while everybody goes on reading and writing, and returns once it was checked
// and is on the disk. What was deleted is not in it. A file that is there is
// never replaced (conflict); on any error none is left.
func (s *Store) BackupTo(ctx context.Context, path string) (store.Copy, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return store.Copy{}, core.Errorf(core.Invalid, "%s is not a path", path).WithHint("check the path").Wrap(err)
	}
	if _, err := os.Lstat(abs); err == nil {
		return store.Copy{}, fileThere(abs)
	}
	temp, err := reserve(abs)
	if err != nil {
		return store.Copy{}, placeError(abs, err)
	}
	defer func() { _ = os.Remove(temp) }()
	if err := s.vacuumInto(ctx, temp); err != nil {
		return store.Copy{}, s.backupFault(abs, err)
	}
	out, err := CheckBackup(ctx, temp)
	if core.CodeOf(err) == core.Internal {
		return store.Copy{}, core.Errorf(core.Unavailable, "the backup %s did not come out whole", abs).WithReason("store_io").
			WithHint("nothing is left of it; check the disk, or write it to another one").Wrap(err)
	}
	if err != nil {
		return store.Copy{}, err
	}
	if err := publish(temp, abs); err != nil {
		return store.Copy{}, placeError(abs, err)
	}
	out.Path = abs
	return out, nil
}

// vacuumInto has a connection to itself: the writers' would keep them waiting,
// and the readers' may not write, not even elsewhere. One transaction checks the
// format; the copy's own is checked afterwards.
func (s *Store) vacuumInto(ctx context.Context, to string) error {
	if err := s.View(ctx, func(store.Tx) error { return nil }); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(s.path, s.busy, backupPragmas))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// backupFault tells a full disk under the copy from one under the database.
func (s *Store) backupFault(path string, err error) error {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		switch primary(e) {
		case lib.SQLITE_FULL, lib.SQLITE_IOERR:
			return core.Errorf(core.Unavailable, "the backup %s could not be written to its end", path).WithReason("disk_full").
				WithHint("nothing is left of it; free some space there, or write it to another disk").Wrap(err)
		case lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_PERM:
			return placeError(path, err)
		}
	}
	return s.fault(err)
}

// reserve makes an empty file of mode 0600 beside path.
func reserve(path string) (string, error) {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	return temp, f.Close()
}

// publish makes the file temp the file path: fs.ErrExist if there is one. It
// appears whole, and both its content and its name are on the disk.
func publish(temp, path string) error {
	if err := syncFile(temp); err != nil {
		return err
	}
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = renameNew(temp, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// renameNew is for file systems without hard links: the empty file is ours, so
// nobody's is replaced.
func renameNew(temp, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Rename(temp, path)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func fileThere(path string) error {
	return core.Errorf(core.Conflict, "%s is there already", path).WithReason("file_exists").
		WithHint("choose another name: no file is replaced")
}

// placeError is why a file cannot be made at path.
func placeError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return fileThere(path)
	case isDiskFull(err):
		return core.Errorf(core.Unavailable, "no space left for %s", path).WithReason("disk_full").
			WithHint("free some space there, or choose another disk").Wrap(err)
	case errors.Is(err, fs.ErrNotExist):
		return core.Errorf(core.Unavailable, "there is no directory for %s", path).WithHint("make it first").Wrap(err)
	}
	return core.Errorf(core.Unavailable, "%s cannot be made", path).WithReason("store_readonly").
		WithHint("choose a directory that is yours and writable").Wrap(err)
}
