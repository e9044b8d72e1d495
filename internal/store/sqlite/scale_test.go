package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

const (
	scaleUsers      = 1_000
	scaleSecrets    = 100 // of each user
	scaleWorkspaces = 10_000
)

func scaleUser(n int) core.User {
	u := storetest.User(fmt.Sprintf("usr_%04d", n))
	u.Disabled = false
	return u
}

// organisation is a store with the records of a large organisation. All live
// workspaces are one user's, which is the worst there is for a list.
func organisation(b *testing.B) (s *sqlite.Store, path string) {
	b.Helper()
	path = b.TempDir() + "/keyfob.db"
	s, err := sqlite.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for from := 0; from < scaleUsers; from += 100 {
		err := s.Update(b.Context(), func(tx store.Tx) error { return populate(b.Context(), tx, from, from+100) })
		if err != nil {
			b.Fatal(err)
		}
	}
	return s, path
}

func populate(ctx context.Context, tx store.Tx, from, to int) error {
	for n := from; n < to; n++ {
		u := scaleUser(n)
		if err := tx.Users().Create(ctx, u); err != nil {
			return err
		}
		if err := tx.Tokens().Create(ctx, storetest.Token("tok_"+u.ID, u.ID)); err != nil {
			return err
		}
		for i := range scaleSecrets {
			x := storetest.Secret(fmt.Sprintf("%s_%03d", u.ID, i))
			x.Owner = u.Owner()
			if err := tx.Secrets().Create(ctx, x); err != nil {
				return err
			}
		}
		for i := range scaleWorkspaces / scaleUsers {
			w := storetest.Workspace(fmt.Sprintf("w%05d", n*scaleWorkspaces/scaleUsers+i))
			w.Owner = scaleUser(0).Owner()
			if err := tx.Workspaces().Create(ctx, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// BenchmarkOrganisation reads what requests read, beside a direct read of the
// same rows with every column as it is stored.
func BenchmarkOrganisation(b *testing.B) {
	s, path := organisation(b)
	db := raw(b, path)
	first, last := scaleUser(0).Owner(), scaleUser(scaleUsers-1)
	session := storetest.Workspace("w05000").SessionDigest
	for _, c := range []struct {
		name, direct string
		args         []any
		read         func(ctx context.Context, tx store.Tx) (int, error)
	}{
		{"secrets", `SELECT * FROM secret WHERE owner = ? ORDER BY name`, []any{last.Owner().String()},
			func(ctx context.Context, tx store.Tx) (int, error) {
				got, err := tx.Secrets().Page(ctx, last.Owner(), store.Page{Limit: 100})
				return len(got), err
			}},
		{"sealed", `SELECT * FROM secret WHERE owner = ? ORDER BY name`, []any{last.Owner().String()},
			func(ctx context.Context, tx store.Tx) (int, error) {
				got, err := tx.Secrets().List(ctx, last.Owner())
				return len(got), err
			}},
		{"workspaces", `SELECT * FROM workspace WHERE owner = ? AND ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 100`, []any{first.String()},
			func(ctx context.Context, tx store.Tx) (int, error) {
				got, err := tx.Workspaces().Page(ctx, first, store.WorkspaceFilter{}, store.Page{Limit: 100})
				return len(got), err
			}},
		{"later workspaces", `SELECT * FROM workspace WHERE owner = ? AND ended_at IS NULL AND id < 'w05000' ORDER BY created_at DESC, id DESC LIMIT 100`, []any{first.String()},
			func(ctx context.Context, tx store.Tx) (int, error) {
				got, err := tx.Workspaces().Page(ctx, first, store.WorkspaceFilter{}, store.Page{Limit: 100, After: "w05000"})
				return len(got), err
			}},
		{"bearer", `SELECT t.*, u.* FROM token t JOIN user u ON u.id = t.user_id WHERE t.digest = ?`, []any{core.TokenDigest("tok_" + last.ID)},
			func(ctx context.Context, tx store.Tx) (int, error) {
				k, err := tx.Tokens().ByDigest(ctx, core.TokenDigest("tok_"+last.ID))
				if err != nil {
					return 0, err
				}
				_, err = tx.Users().Get(ctx, k.UserID)
				return 1, err
			}},
		{"session", `SELECT * FROM workspace WHERE session_digest = ?`, []any{session},
			func(ctx context.Context, tx store.Tx) (int, error) {
				_, err := tx.Workspaces().BySession(ctx, session)
				return 1, err
			}},
	} {
		b.Run(c.name+"/direct", func(b *testing.B) {
			for b.Loop() {
				if n := readAllRows(b, db, c.direct, c.args...); n == 0 {
					b.Fatal("nothing was read")
				}
			}
		})
		b.Run(c.name+"/store", func(b *testing.B) {
			for b.Loop() {
				err := s.View(b.Context(), func(tx store.Tx) error {
					n, err := c.read(b.Context(), tx)
					if err == nil && n == 0 {
						b.Fatal("nothing was read")
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func readAllRows(b *testing.B, db *sql.DB, query string, args ...any) (n int) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), query, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return n
}
