package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// View implements store.Store. The state is that of the moment View begins.
func (s *Store) View(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.inPlace(); err != nil {
		return err
	}
	sqlTx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
	defer func() { _ = sqlTx.Rollback() }()
	if err := s.checkFormat(ctx, sqlTx); err != nil {
		return err
	}
	return fn(&tx{s: s, sql: sqlTx})
}

// Update implements store.Store. A function that fails or panics leaves nothing
// behind. What was committed while the file was moved away is not acknowledged.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	sqlTx, err := s.begin(ctx)
	if err != nil {
		return s.fault(err)
	}
	began := time.Now().UnixNano()
	s.began.Store(began)
	defer s.began.CompareAndSwap(began, 0) // the next one may have begun
	defer func() { _ = sqlTx.Rollback() }()
	if err := s.checkFormat(ctx, sqlTx); err != nil {
		return err
	}
	t := &tx{s: s, sql: sqlTx, writes: true, noted: map[core.Change]bool{}}
	if err := fn(t); err != nil {
		return err
	}
	if err := t.flushChanges(ctx); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return s.fault(err)
	}
	return s.inPlace()
}

// begin takes the write lock, which other processes may hold for a while. It
// listens to ctx while it waits.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	if err := s.inPlace(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(s.busy); ; {
		sqlTx, err := s.write.BeginTx(ctx, nil)
		if err == nil || !retryable(err) || time.Now().After(end) {
			return sqlTx, err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// Version implements store.Store by PRAGMA data_version
// (https://www.sqlite.org/pragma.html#pragma_data_version), which tells one
// connection that others have committed; so it has a connection to itself.
func (s *Store) Version(ctx context.Context) (int64, error) {
	if err := s.inPlace(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch == nil {
		c, err := s.read.Conn(ctx)
		if err != nil {
			return 0, s.fault(err)
		}
		s.watch, s.watches = c, s.watches+1
	}
	var v int64
	err := s.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v)
	if errors.Is(err, sql.ErrConnDone) {
		s.watch = nil // the next call takes another
	}
	// Numbers of two connections do not compare, so each has a range to itself.
	return s.watches<<32 | v, s.fault(err)
}

// tx implements store.Tx.
type tx struct {
	s       *Store
	sql     *sql.Tx
	writes  bool
	changes []core.Change // in order
	noted   map[core.Change]bool
}

var _ store.Tx = (*tx)(nil)

func (t *tx) Vault() store.Vault           { return vault{t} }
func (t *tx) Secrets() store.Secrets       { return secrets{t} }
func (t *tx) Accounts() store.Accounts     { return accounts{t} }
func (t *tx) Health() store.Health         { return health{t} }
func (t *tx) Workspaces() store.Workspaces { return workspaces{t} }
func (t *tx) Usage() store.Usage           { return usage{t} }
func (t *tx) Audit() store.Audit           { return audit{t} }
func (t *tx) Changes() store.Changes       { return changes{t} }
func (t *tx) Users() store.Users           { return users{t} }
func (t *tx) Tokens() store.Tokens         { return bearers[core.Token]{t, tokens} }
func (t *tx) Sessions() store.Sessions {
	return sessions{bearers[core.BrowserSession]{t, browserSessions}}
}
func (t *tx) Proofs() store.Proofs         { return proofs{t} }
func (t *tx) Pools() store.Pools           { return pools{t} }
func (t *tx) Profiles() store.Profiles     { return profiles{t} }
func (t *tx) MCPServers() store.MCPServers { return mcpServers{t} }
func (t *tx) Checkpoints() store.Checkpoints {
	return checkpoints{t}
}
func (t *tx) Idempotency() store.Idempotency { return idempotency{t} }

// exec runs a writing statement and gives the number of rows it wrote. The
// error is SQLite's own, for the caller to look at and pass to fault.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.mayWrite(); err != nil {
		return 0, err
	}
	res, err := t.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert gives SQLite's own error, as exec does.
func (t *tx) insert(ctx context.Context, table, columns string, values ...any) error {
	_, err := t.exec(ctx, `INSERT INTO `+table+` (`+columns+`) VALUES (`+marks(values)+`)`, values...)
	return err
}

// marks stands for the values in a statement.
func marks(values []any) string {
	return strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
}

func (t *tx) mayWrite() error {
	if !t.writes {
		return core.Errorf(core.Internal, "a View tried to write").WithHint("report this as a defect")
	}
	return nil
}

// one scans a single row; missing says what a missing row is.
func one[T any](ctx context.Context, t *tx, missing string, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(t.sql.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, core.Errorf(core.NotFound, "%s", missing)
	}
	return v, t.s.fault(err)
}

// all scans every row.
func all[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	err := t.each(ctx, func(row scanner) error {
		v, err := scan(row)
		out = append(out, v)
		return t.s.fault(err)
	}, query, args...)
	return out, err
}

// each calls fn for every row as it is read, until fn fails; that error comes
// back as it is.
func (t *tx) each(ctx context.Context, fn func(scanner) error, query string, args ...any) error {
	rows, err := t.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return t.s.fault(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return t.s.fault(rows.Err())
}

type scanner interface{ Scan(dest ...any) error }

// scanValue scans a row of one column.
func scanValue[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}
