package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"

	driver "modernc.org/sqlite"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// CheckBackup reads the whole of a backup, changes nothing, and says what it
// holds. Errors are *core.Error: unavailable for a file that is not there or was
// made by a newer Keyfob, invalid for one that is no backup, internal for a
// damaged one. Whether its values open is for who has the root key to say.
func CheckBackup(ctx context.Context, path string) (store.Copy, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return store.Copy{}, core.Errorf(core.Invalid, "%s is not a path", path).WithHint("check the path").Wrap(err)
	}
	size, err := checkFile(abs)
	if err != nil {
		return store.Copy{}, err
	}
	// Nobody writes to it, so SQLite needs neither locks nor files beside it.
	db, err := sql.Open("sqlite", dsn(abs, 0, readPragmas)+"&immutable=1")
	if err != nil {
		return store.Copy{}, copyFault(abs, err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	out := store.Copy{Path: abs, Bytes: size}
	if err := sound(ctx, db, abs); err != nil {
		return store.Copy{}, copyFault(abs, err)
	}
	return out, copyFault(abs, describe(ctx, db, &out))
}

// checkFile judges the file before SQLite does anything to it.
func checkFile(path string) (size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, unreadable(path, err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, noBackup(path, "it is empty, or no file")
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return 0, noBackup(path, "its newest changes stand in a file beside it, as in a database that is in use")
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	return info.Size(), copyFault(path, checkHeader(path, f))
}

// sound looks at each page, and for what no Keyfob puts into a database: a
// trigger would act in the name of whoever restores the copy.
func sound(ctx context.Context, db *sql.DB, path string) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return damaged(path, errors.New(verdict))
	}
	var foreign, acting int
	row := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM pragma_foreign_key_check),
		(SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index'))`)
	if err := row.Scan(&foreign, &acting); err != nil {
		return err
	}
	if foreign > 0 {
		return damaged(path, errors.New("records belong to records that are not there"))
	}
	if acting > 0 {
		return noBackup(path, "it holds more than records")
	}
	return nil
}

// describe counts by the tables of the copy's own format.
func describe(ctx context.Context, db *sql.DB, out *store.Copy) error {
	var app uint32
	row := db.QueryRowContext(ctx, "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version")
	if err := row.Scan(&app, &out.Format); err != nil {
		return err
	}
	if app != applicationID || out.Format < 1 {
		return noBackup(out.Path, "it is not a database of Keyfob")
	}
	err := db.QueryRowContext(ctx, `SELECT custody, root_key_id, created_at FROM vault`).
		Scan(&out.Header.Custody, &out.Header.RootKeyID, instant{&out.Header.CreatedAt})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	people := `0, 0`
	if out.Format >= 2 {
		people = `(SELECT count(*) FROM mcp_server), (SELECT count(*) FROM user)`
	}
	row = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM secret), (SELECT count(*) FROM account),
		(SELECT count(*) FROM audit), (SELECT max(at) FROM audit), `+people)
	return row.Scan(&out.Secrets, &out.Accounts, &out.Entries, instant{&out.Newest}, &out.MCPServers, &out.Users)
}

func noBackup(path, why string) error {
	return core.Errorf(core.Invalid, "%s is not a backup: %s", path, why).WithReason("no_backup").
		WithHint("make one with: keyfob vault backup FILE")
}

func unreadable(path string, err error) error {
	return core.Errorf(core.Unavailable, "%s cannot be read", path).WithHint("check the path, and that the file is yours").Wrap(err)
}

// copyFault is fault for a file that is not the store's.
func copyFault(path string, err error) error {
	if e, ok := errors.AsType[*driver.Error](err); ok && strings.Contains(e.Error(), "no such ") {
		err = damaged(path, err)
	}
	err = (&Store{path: path}).fault(err)
	if e, ok := errors.AsType[*core.Error](err); ok && e.Code == core.Internal {
		return core.Errorf(core.Internal, "the backup %s is damaged", path).WithReason("store_damaged").
			WithHint("use another backup").Wrap(e.Err)
	}
	return err
}
