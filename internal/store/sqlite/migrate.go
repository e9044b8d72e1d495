package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"keyfob/internal/core"
)

// FormatVersion is the newest format, the number of the newest migration.
const FormatVersion = 3

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the file to FormatVersion. Several processes may do so at once:
// each migration is one write transaction that sets user_version, so the one
// that comes second fails, looks again and finds the work done. A failure that
// is not a lock counts when it comes twice in a row.
func (s *Store) migrate(ctx context.Context) error {
	var failed error
	migrated := false
	for end := time.Now().Add(s.busy); ; {
		done, err := s.current(ctx)
		if done {
			return nil
		}
		if err == nil && migrated {
			return noWAL(s.path)
		}
		if err == nil {
			err = s.goose(ctx)
			migrated = err == nil
		}
		if final(err, failed) || (err != nil && time.Now().After(end)) {
			return s.fault(err)
		}
		if failed = err; failed != nil {
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return s.fault(err)
			}
		}
	}
}

// final says whether err will not pass by waiting.
func final(err, before error) bool {
	if err == nil || retryable(err) {
		return false
	}
	_, decided := errors.AsType[*core.Error](err)
	return decided || (before != nil && !retryable(before))
}

// current says whether the file is of FormatVersion and in WAL mode. It is all
// that opening an up-to-date file does.
func (s *Store) current(ctx context.Context) (bool, error) {
	var app int64
	var version, tables int
	var mode string
	row := s.read.QueryRowContext(ctx, `SELECT a.application_id, v.user_version, j.journal_mode,
		(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version')
		FROM pragma_application_id a, pragma_user_version v, pragma_journal_mode j`)
	if err := row.Scan(&app, &version, &mode, &tables); err != nil {
		return false, err
	}
	if app == 0 && tables > 0 {
		return false, foreign(s.path)
	}
	if err := checkStamp(s.path, uint32(app), version); err != nil { //nolint:gosec // 32 bits by the file format
		return false, err
	}
	return app == applicationID && version == FormatVersion && mode == "wal", nil
}

func (s *Store) goose(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	p, err := migrator(s.write)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkFormat is the first statement of every transaction: it takes the
// snapshot, and sees a format that another process changed meanwhile.
func (s *Store) checkFormat(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return s.fault(err)
	}
	switch {
	case version > FormatVersion:
		return newer(s.path, version)
	case version < FormatVersion:
		return damaged(s.path, errors.New("its format went back"))
	}
	return nil
}
