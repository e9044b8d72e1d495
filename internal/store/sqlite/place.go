package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"keyfob/internal/core"
)

// beside is a file that SQLite has beside the database while it is open: the
// write-ahead log and its index.
type beside struct {
	path string
	file fs.FileInfo
}

// hold keeps one connection, and with it the files beside the database where they
// are: SQLite removes them when the last connection of all processes is closed,
// and makes them anew for the next. The others do not do for that, since one whose
// question was given up is closed.
func (s *Store) hold(ctx context.Context) (err error) {
	if s.pin, err = s.read.Conn(ctx); err != nil {
		return s.fault(err)
	}
	var v int64
	if err := s.pin.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v); err != nil { // opens both
		return s.fault(err)
	}
	for _, path := range []string{s.path + "-wal", s.path + "-shm"} {
		info, err := os.Stat(path)
		if err != nil {
			return logMoved(path, err)
		}
		s.log = append(s.log, beside{path, info})
	}
	return nil
}

// inPlace says why the open files are not what stands at their paths any more.
// SQLite goes on in a file that was moved, deleted or replaced, and what it
// acknowledges then is not in the vault that the next start finds.
func (s *Store) inPlace() error {
	now, err := os.Stat(s.path)
	switch {
	case err == nil && os.SameFile(s.file, now):
		return s.logInPlace()
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return moved(s.path, err)
	}
	return fileError(s.path, err)
}

// logInPlace: without its log a database is an older one, and with another index
// two processes do not see each other's locks. Close removes both.
func (s *Store) logInPlace() error {
	if s.closed.Load() {
		return nil
	}
	for _, b := range s.log {
		now, err := os.Stat(b.path)
		switch {
		case err == nil && os.SameFile(b.file, now):
		case err == nil || errors.Is(err, fs.ErrNotExist):
			return logMoved(b.path, err)
		default:
			return fileError(s.path, err)
		}
	}
	return nil
}

func moved(path string, cause error) error {
	return core.Errorf(core.Unavailable, "the database was moved or replaced while it was in use").WithFile(path).WithReason("store_moved").
		WithHint("put it back, or start keyfob anew on the one that is there now; what was stored before is in the file that was moved").Wrap(cause)
}

func logMoved(path string, cause error) error {
	return core.Errorf(core.Unavailable, "a file beside the database was removed or replaced while it was in use").WithFile(path).WithReason("store_moved").
		WithHint("run nothing else on this vault, and end keyfob with SIGTERM, not by force: it then writes what the file held into the database; start it again after that").Wrap(cause)
}

// probeBytes is what must be free for a store to count as one that can be
// written; a transaction of ours is seldom larger.
const probeBytes = 64 << 10

// Writable says why nothing can be written now: another process keeps the lock
// until ctx is over, the disk is full or read-only, or the file is not in its
// place. It changes nothing. Errors are those of Update.
func (s *Store) Writable(ctx context.Context) error {
	if err := s.locked(ctx); err != nil {
		return err
	}
	// The lock alone writes nothing, and SQLite may have room left in its log. The
	// file is without a name once it is open, so that a kill leaves none behind; one
	// that was left in between is taken by the next.
	path := s.path + "-probe"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fileError(s.path, err)
	}
	early := os.Remove(path) // some systems keep what is open
	_, err = f.Write(make([]byte, probeBytes))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if early != nil {
		_ = os.Remove(path)
	}
	if err != nil {
		return fileError(s.path, err)
	}
	return nil
}

// longWrite is what a large transaction of this process may take; one that takes
// longer hangs.
const longWrite = 30 * time.Second

// locked takes the write lock and gives it back. To stand in a long queue in which
// others write is not to be locked out, nor is to wait for a large transaction of
// this process.
func (s *Store) locked(ctx context.Context) error {
	before, err := s.Version(ctx)
	if err != nil {
		return err
	}
	sqlTx, err := s.begin(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		if after, verr := s.Version(context.WithoutCancel(ctx)); verr != nil || after != before {
			return verr
		}
		if began := s.began.Load(); began != 0 && time.Since(time.Unix(0, began)) < longWrite {
			return nil
		}
		e := core.Errorf(core.Unavailable, "the database is locked").WithFile(s.path).WithReason("store_locked").
			WithHint("find the process that keeps it: another keyfob, or a tool that has it open").Wrap(err)
		e.RetryAfter = time.Second
		return e
	}
	if err != nil {
		return s.fault(err)
	}
	defer func() { _ = sqlTx.Rollback() }()
	return s.checkFormat(ctx, sqlTx)
}
