package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// OpenBusy is Open with another patience.
func OpenBusy(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	return open(ctx, path, busy)
}

// Pragmas asks the write connection or a read connection.
func (s *Store) Pragma(ctx context.Context, name string, write bool) (v string, err error) {
	db := s.read
	if write {
		db = s.write
	}
	return v, db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&v)
}

// Queued waits until n writers of this process have had to wait for their turn.
func (s *Store) Queued(n int64) {
	for s.write.Stats().WaitCount < n {
		time.Sleep(time.Millisecond) // between looks; only the look decides
	}
}

// Make makes a database of an older format at path, as a Keyfob of its time did.
func Make(ctx context.Context, path string, format int64) error {
	if err := prepare(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(path, busyTimeout, writePragmas))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	p, err := migrator(db)
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, format)
	return err
}

// WorkspacePlan is how SQLite goes about reading a page of workspaces.
func (s *Store) WorkspacePlan(ctx context.Context, o core.Owner, f store.WorkspaceFilter, after string) (plan []string, err error) {
	err = s.View(ctx, func(t store.Tx) error {
		r := workspaces{t.(*tx)}
		query, args, err := r.pageQuery(ctx, o, f, store.Page{After: after, Limit: 1})
		if err != nil {
			return err
		}
		plan, err = all(ctx, r.tx, func(row scanner) (detail string, err error) {
			var id, parent, unused int
			err = row.Scan(&id, &parent, &unused, &detail)
			return detail, err
		}, "EXPLAIN QUERY PLAN "+query, args...)
		return err
	})
	return plan, err
}

// Unmarshal reads JSON as it is stored.
var Unmarshal = unmarshal

// Forget closes each connection that is not held, as those are whose question was
// given up.
func (s *Store) Forget() {
	for _, db := range []*sql.DB{s.read, s.write} {
		db.SetMaxIdleConns(-1)
		db.SetMaxIdleConns(readers + 2)
	}
}

// EmptyLog has SQLite take the log into the file and empty it.
func (s *Store) EmptyLog(ctx context.Context) error {
	var busy, frames, done int
	err := s.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
	if err == nil && busy != 0 {
		return errors.New("somebody is reading")
	}
	return err
}
