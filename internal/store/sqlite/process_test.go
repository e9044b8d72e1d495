package sqlite_test

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// raw opens the file as any other program would.
func raw(t testing.TB, path string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	for _, q := range statements {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	return db
}

func TestAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	before, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd, lines := writer(t, path)
	for range 20 {
		if !lines.Scan() {
			t.Fatal("the writer stopped")
		}
		id := lines.Text()
		err := s.View(t.Context(), func(tx store.Tx) error {
			_, err := tx.Secrets().Get(t.Context(), core.Local, storetest.Secret(id).Name)
			return err
		})
		if err != nil {
			t.Fatalf("what another process committed is not seen: %v", err)
		}
		if err := s.Update(t.Context(), bump(t.Context(), core.NewID("here"))); err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.Version(t.Context())
	if err != nil || after == before {
		t.Fatalf("version is still %d: %v", after, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	whole(t, s, nil)
}

// TestKill9 kills a writer again and again: what it acknowledged is there, and
// what is there is whole. KEYFOB_KILL_ROUNDS is the number of rounds.
func TestKill9(t *testing.T) {
	rounds := 50
	if v, err := strconv.Atoi(os.Getenv("KEYFOB_KILL_ROUNDS")); err == nil {
		rounds = v
	}
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "keyfob.db")
	var acknowledged []string
	for round := range rounds {
		if round%5 == 4 { // while the file is being made
			cmd, _ := writer(t, filepath.Join(dir, strconv.Itoa(round)+".db"))
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			fresh := openStore(t, filepath.Join(dir, strconv.Itoa(round)+".db"))
			whole(t, fresh, nil)
		}
		cmd, lines := writer(t, path)
		for range rand.IntN(12) {
			if !lines.Scan() {
				t.Fatal("the writer stopped")
			}
			acknowledged = append(acknowledged, lines.Text())
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // acknowledged before the signal came
			acknowledged = append(acknowledged, lines.Text())
		}
		_ = cmd.Wait()
		check(t, path, acknowledged)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was ever acknowledged")
	}
	t.Logf("%d rounds, %d acknowledged writes", rounds, len(acknowledged))
}

func check(t *testing.T, path string, acknowledged []string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("open after a kill: %v", err)
	}
	defer func() { _ = s.Close() }()
	whole(t, s, acknowledged)
	var verdict string
	db := raw(t, path)
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity_check: %s, %v", verdict, err)
	}
}

// whole checks that every acknowledged write is there, and no half of one.
func whole(t *testing.T, s *sqlite.Store, acknowledged []string) {
	t.Helper()
	err := s.View(t.Context(), func(tx store.Tx) error {
		list, err := tx.Secrets().List(t.Context(), core.Local)
		if err != nil {
			return err
		}
		have := map[string]bool{}
		for _, x := range list {
			have[x.ID] = string(x.Ciphertext) == string(storetest.Secret(x.ID).Ciphertext)
		}
		for _, id := range acknowledged {
			if !have[id] {
				t.Errorf("the acknowledged write %s is lost", id)
			}
		}
		n := 0
		err = tx.Audit().Walk(t.Context(), "w", func(core.AuditEntry) error { n++; return nil })
		if n != len(list) {
			t.Errorf("%d secrets and %d entries: half a transaction", len(list), n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Many processes make one file at once: each finds it whole.
func TestManyMakeTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	manyOpen(t, path)
	whole(t, openStore(t, path), nil)
}

// manyOpen has several processes, this one several times, open and write one
// file at once.
func manyOpen(t *testing.T, path string) {
	t.Helper()
	var wg sync.WaitGroup
	for range 3 {
		_, lines := writer(t, path)
		wg.Go(func() {
			if !lines.Scan() {
				t.Error("a process could not write")
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			s, err := sqlite.Open(context.Background(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Update(t.Context(), bump(t.Context(), core.NewID("s"))); err != nil {
				t.Error(err)
			}
			_ = s.Close()
		})
	}
	wg.Wait()
}
