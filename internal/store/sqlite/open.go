package sqlite

import (
	"context"
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	// The driver registers itself as "sqlite".
	_ "modernc.org/sqlite"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

const (
	busyTimeout = 5 * time.Second
	readers     = 4
	// SQLite's own waiting backs off to 100 ms, so a writer that never pauses
	// would starve the others; begin asks again after each writeWait instead.
	writeWait = 4 * time.Millisecond
)

// Store implements store.Store.
type Store struct {
	path string
	file fs.FileInfo   // the file at path when it was opened
	log  []beside      // what SQLite has beside it; not written once Open is over
	busy time.Duration // how long a writer queues
	// write has one connection, so this process's writers queue in Go and only
	// other processes' locks are waited for in SQLite.
	write *sql.DB
	// read has a few connections that cannot write.
	read *sql.DB
	pin  *sql.Conn // of read; never used, so never given up: see hold

	closed atomic.Bool

	began atomic.Int64 // when this process's write transaction began, in Unix nanoseconds; 0: there is none

	mu      sync.Mutex // guards watch
	watch   *sql.Conn  // of read; asks data_version and nothing else
	watches int64      // how many watch connections there have been
}

var _ store.Store = (*Store)(nil)

// Open opens the database at path, makes it (mode 0600) where there is none, and
// brings an older one to FormatVersion. The directory must be there. Errors are
// *core.Error: forbidden for a file that others may use, unavailable for one
// that cannot be written, lies on a network file system or was made by a newer
// Keyfob, internal for a damaged one.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, busyTimeout)
}

func open(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, core.Errorf(core.Invalid, "%s is not a path", path).WithHint("check the path").Wrap(err)
	}
	if err := prepare(abs); err != nil {
		return nil, err
	}
	s := &Store{path: abs, busy: busy}
	if s.file, err = os.Stat(abs); err != nil {
		return nil, fileError(abs, err)
	}
	if s.write, err = sql.Open("sqlite", dsn(abs, min(busy, writeWait), writePragmas)); err != nil {
		return nil, s.fault(err)
	}
	if s.read, err = sql.Open("sqlite", dsn(abs, busy, readPragmas)); err != nil {
		return nil, s.fault(err)
	}
	s.write.SetMaxOpenConns(1)
	s.read.SetMaxOpenConns(readers + 2) // one is for watch, and one is pin
	s.read.SetMaxIdleConns(readers + 2)
	err = s.migrate(ctx)
	if err == nil {
		err = s.hold(context.WithoutCancel(ctx))
	}
	if err == nil {
		err = s.inPlace() // another process replaced it just now
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Format is the format of the open file.
func (s *Store) Format() int { return FormatVersion }

// Close implements store.Store. The last process to close the file empties the
// write-ahead log.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	if s.watch != nil {
		_ = s.watch.Close()
		s.watch = nil
	}
	s.mu.Unlock()
	if s.pin != nil {
		_ = s.pin.Close()
	}
	err := s.read.Close()
	if werr := s.write.Close(); err == nil {
		err = werr
	}
	return s.fault(err)
}

var (
	writePragmas = []string{"synchronous(FULL)", "secure_delete(ON)", "foreign_keys(ON)", "trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)"}
	readPragmas  = []string{"query_only(ON)", "trusted_schema(OFF)", "cell_size_check(ON)", "temp_store(MEMORY)"}
)

// dsn names the file as a URI, so that no character of the path means anything.
// mode=rw never makes a file: prepare did, with the right mode, which SQLite
// copies to -wal and -shm.
func dsn(abs string, busy time.Duration, pragmas []string) string {
	q := url.Values{
		"mode": {"rw"}, "_txlock": {"immediate"}, "_dqs": {"0"}, "_defensive": {"1"}, "_error_rc": {"1"},
		"_busy_timeout": {strconv.FormatInt(busy.Milliseconds(), 10)}, "_pragma": pragmas,
	}
	if pragmas[0] == "query_only(ON)" {
		q.Set("_txlock", "deferred")
	}
	p := filepath.ToSlash(abs)
	if p[0] != '/' {
		p = "/" + p // file:///C:/…
	}
	return "file://" + (&url.URL{Path: p}).EscapedPath() + "?" + q.Encode()
}
