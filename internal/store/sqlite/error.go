package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"keyfob/internal/core"
)

// fault turns what SQLite says into what a person can act on; *core.Error and
// nil pass through.
func (s *Store) fault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*core.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return core.Errorf(core.Unavailable, "the database was not asked to the end").WithReason("canceled").
			WithHint("try again").Wrap(err)
	}
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return s.byCode(e)
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) || err.Error() == "sql: database is closed" {
		return core.Errorf(core.Unavailable, "the database is closed").WithReason("store_closed").WithHint("open the vault again").Wrap(err)
	}
	return core.Errorf(core.Internal, "the database failed").WithFile(s.path).
		WithHint("try again; if it stays, restore the newest backup").Wrap(err)
}

func (s *Store) byCode(e *driver.Error) error {
	switch primary(e) {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		err := core.Errorf(core.Unavailable, "another process keeps the database locked").WithFile(s.path).WithReason("store_locked").
			WithHint("wait for the other keyfob to finish and try again").Wrap(e)
		err.RetryAfter = time.Second
		return err
	case lib.SQLITE_FULL:
		return diskFull(s.path, e)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return core.Errorf(core.Unavailable, "the database cannot be written").WithFile(s.path).WithReason("store_readonly").
			WithHint("make the file and its directory yours and writable, or set KEYFOB_HOME").Wrap(e)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return damaged(s.path, e)
	case lib.SQLITE_IOERR:
		return s.ioError(e)
	case lib.SQLITE_INTERRUPT:
		return core.Errorf(core.Unavailable, "the database was not asked to the end").WithReason("canceled").
			WithHint("try again").Wrap(e)
	case lib.SQLITE_CONSTRAINT:
		return core.Errorf(core.Conflict, "the record does not fit with what is stored").WithHint("read it again and retry").Wrap(e)
	case lib.SQLITE_TOOBIG:
		return core.Errorf(core.Invalid, "the record is too large for the database").WithHint("store a smaller value").Wrap(e)
	}
	return core.Errorf(core.Internal, "the database failed").WithFile(s.path).
		WithHint("try again; if it stays, restore the newest backup").Wrap(e)
}

// ioError: SQLite says FULL for ENOSPC when it writes pages, but gives a plain
// I/O error where the log's index cannot grow.
func (s *Store) ioError(e *driver.Error) error {
	if c := e.Code(); c == lib.SQLITE_IOERR_SHMSIZE || c == lib.SQLITE_IOERR_WRITE {
		return diskFull(s.path, e)
	}
	return core.Errorf(core.Unavailable, "the disk failed under the database").WithFile(s.path).WithReason("store_io").
		WithHint("nothing of this change was stored; check the disk and the system's log").Wrap(e)
}

func primary(e *driver.Error) int { return e.Code() & 0xff }

// retryable: another process was first, or stands in the way for now.
func retryable(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && (primary(e) == lib.SQLITE_BUSY || primary(e) == lib.SQLITE_LOCKED)
}

func isUnique(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func diskFull(path string, cause error) error {
	return core.Errorf(core.Unavailable, "no space left for the database").WithFile(path).WithReason("disk_full").
		WithHint("nothing of this change was stored; free some space and try again").Wrap(cause)
}

func damaged(path string, cause error) error {
	return core.Errorf(core.Internal, "the database is damaged").WithFile(path).WithReason("store_damaged").
		WithHint("keep a copy of it and its -wal file, then restore the newest backup").Wrap(cause)
}

func newer(path string, version int) error {
	return core.Errorf(core.Unavailable, "the database was made by a newer Keyfob (format %d, this one knows %d)", version, FormatVersion).
		WithFile(path).WithReason("newer_format").WithHint("install the newer Keyfob; nothing was changed")
}

func foreign(path string) error {
	return core.Errorf(core.Invalid, "this is a database of another program").
		WithFile(path).WithReason("foreign_database").WithHint("move it away, or set KEYFOB_HOME to another directory")
}

// noWAL: SQLite keeps its old journal where the file system cannot share memory
// between processes.
func noWAL(path string) error {
	return core.Errorf(core.Unavailable, "the file system of the database cannot share memory between processes").
		WithFile(path).WithReason("network_fs").WithHint("set KEYFOB_HOME to a directory on a local disk")
}
