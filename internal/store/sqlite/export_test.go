package sqlite

import (
	"context"
	"time"
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
