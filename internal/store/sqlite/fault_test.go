package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

func wants(t *testing.T, err error, code core.Code, reason string) {
	t.Helper()
	if !errors.Is(err, &core.Error{Code: code, Reason: reason}) {
		t.Fatalf("error is %v, want %s/%s", err, code, reason)
	}
	e, _ := errors.AsType[*core.Error](err)
	if e.Message == "" || e.Hint == "" {
		t.Errorf("message %q, hint %q", e.Message, e.Hint)
	}
	// A server told whoever asked where its vault is, and so the user that it runs
	// as: only this machine is told the file. At the start, a command may name it.
	named := strings.Contains(e.Message+e.Hint, "keyfob.db") && !strings.HasPrefix(e.Hint, "run: chmod ")
	if named || e.File != "" && (!filepath.IsAbs(e.File) || !strings.Contains(err.Error(), e.File)) {
		t.Errorf("message %q, hint %q, file %q", e.Message, e.Hint, e.File)
	}
}

// made is the path of a closed database with some records.
func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if err := s.Update(t.Context(), bump(t.Context(), core.NewID("s"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func refusesToOpen(t *testing.T, path string, code core.Code, reason string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	wants(t, err, code, reason)
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestNewerFormatAtOpen(t *testing.T) {
	path := made(t)
	_ = raw(t, path, "PRAGMA user_version = 99").Close()
	refusesToOpen(t, path, core.Unavailable, "newer_format")
}

// A newer Keyfob was killed and left its log: it is not ours to recover.
func TestNewerFormatKeepsItsLog(t *testing.T) {
	live := made(t)
	_ = raw(t, live, "PRAGMA user_version = 99").Close()
	db := raw(t, live, "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE theirs (x)")
	path := filepath.Join(t.TempDir(), "keyfob.db")
	logged := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(live + suffix)
		if err == nil {
			err = os.WriteFile(path+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		logged[suffix] = b
	}
	_ = db.Close()
	refusesToOpen(t, path, core.Unavailable, "newer_format")
	for suffix, want := range logged {
		if got, err := os.ReadFile(path + suffix); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q was changed: %v", suffix, err)
		}
	}
}

// The newer format stands in the write-ahead log alone: the header of the file
// does not show it yet.
func TestNewerFormatInTheLog(t *testing.T) {
	path := made(t)
	db := raw(t, path, "PRAGMA wal_autocheckpoint = 0", "PRAGMA user_version = 99")
	_, err := sqlite.Open(t.Context(), path)
	wants(t, err, core.Unavailable, "newer_format")
	_ = db.Close()
}

func TestNewerFormatWhileOpen(t *testing.T) {
	path := made(t)
	s := openStore(t, path)
	db := raw(t, path, "PRAGMA user_version = 99")
	ran := false
	fn := func(store.Tx) error { ran = true; return nil }
	wants(t, s.Update(t.Context(), fn), core.Unavailable, "newer_format")
	wants(t, s.View(t.Context(), fn), core.Unavailable, "newer_format")
	if ran {
		t.Fatal("a transaction ran on a newer format")
	}
	if _, err := db.ExecContext(t.Context(), fmt.Sprint("PRAGMA user_version = ", sqlite.FormatVersion)); err != nil {
		t.Fatal(err)
	}
	if err := s.View(t.Context(), fn); err != nil || !ran {
		t.Fatal(err)
	}
}

func TestForeignFiles(t *testing.T) {
	t.Run("text", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyfob.db")
		if err := os.WriteFile(path, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		refusesToOpen(t, path, core.Internal, "store_damaged")
	})
	t.Run("short", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyfob.db")
		if err := os.WriteFile(path, []byte("SQLite format 3\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		refusesToOpen(t, path, core.Internal, "store_damaged")
	})
	t.Run("another program's", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyfob.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = raw(t, path, "PRAGMA application_id = 7", "CREATE TABLE theirs (x)").Close()
		refusesToOpen(t, path, core.Invalid, "foreign_database")
	})
	t.Run("directory", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := sqlite.Open(t.Context(), dir); err == nil {
			t.Fatal("opened a directory")
		}
	})
	t.Run("no directory", func(t *testing.T) {
		_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "keyfob.db"))
		wants(t, err, core.Unavailable, "")
	})
	t.Run("unmarked, with tables", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keyfob.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = raw(t, path, "CREATE TABLE secret (x)").Close()
		refusesToOpen(t, path, core.Invalid, "foreign_database")
	})
}

// Every page is damaged in turn: each time a clear error or a whole answer.
func TestDamagedPages(t *testing.T) {
	good, err := os.ReadFile(made(t))
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	found := 0
	for at := 0; at < len(good); at += page {
		bad := bytes.Clone(good)
		copy(bad[at+100*(1-min(at, 1)):at+page], bytes.Repeat([]byte{0xa5}, page))
		path := filepath.Join(t.TempDir(), "keyfob.db")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := readAll(t.Context(), path); err != nil {
			wants(t, err, core.Internal, "store_damaged")
			found++
		}
	}
	if found < 3 {
		t.Fatalf("only %d of %d damaged pages were noticed", found, len(good)/page)
	}
	path := filepath.Join(t.TempDir(), "keyfob.db")
	if err := os.WriteFile(path, good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, readAll(t.Context(), path), core.Internal, "store_damaged")
}

func readAll(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return s.View(ctx, func(tx store.Tx) error {
		if _, err := tx.Secrets().List(ctx, core.Local); err != nil {
			return err
		}
		return tx.Audit().Walk(ctx, "w", func(core.AuditEntry) error { return nil })
	})
}

func TestLocked(t *testing.T) {
	path := made(t)
	s, err := sqlite.OpenBusy(t.Context(), path, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	db := raw(t, path, "BEGIN IMMEDIATE")
	err = s.Update(t.Context(), func(store.Tx) error { t.Error("ran"); return nil })
	wants(t, err, core.Unavailable, "store_locked")
	if e, _ := errors.AsType[*core.Error](err); e.RetryAfter <= 0 {
		t.Error("no word on when to try again")
	}
	if err := s.View(t.Context(), func(store.Tx) error { return nil }); err != nil {
		t.Fatalf("a reader waits for a writer: %v", err)
	}
	if other, err := sqlite.OpenBusy(t.Context(), path, time.Millisecond); err != nil {
		t.Fatalf("opening waits for a writer: %v", err)
	} else if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), func(store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	s, err := sqlite.Open(t.Context(), made(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(store.Tx) error { t.Error("ran"); return nil }
	wants(t, s.View(t.Context(), nothing), core.Unavailable, "store_closed")
	wants(t, s.Update(t.Context(), nothing), core.Unavailable, "store_closed")
	_, err = s.Version(t.Context())
	wants(t, err, core.Unavailable, "store_closed")
	if err := s.Close(); err != nil {
		t.Fatalf("closing twice: %v", err)
	}
}

func TestSettings(t *testing.T) {
	s := openStore(t, made(t))
	if s.Format() != sqlite.FormatVersion {
		t.Error(s.Format())
	}
	for _, c := range []struct {
		name, want string
		write      bool
	}{
		{"journal_mode", "wal", true}, {"synchronous", "2", true}, {"secure_delete", "1", true}, {"foreign_keys", "1", true},
		{"busy_timeout", "4", true}, {"query_only", "0", true}, {"trusted_schema", "0", true},
		{"application_id", "1266247266", true}, {"user_version", strconv.Itoa(sqlite.FormatVersion), true},
		{"query_only", "1", false}, {"busy_timeout", "5000", false},
	} {
		if got, err := s.Pragma(t.Context(), c.name, c.write); err != nil || got != c.want {
			t.Errorf("%s (write %v) is %s, want %s: %v", c.name, c.write, got, c.want, err)
		}
	}
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory&x=1", "a#b", "a%20b", "ünï", "a'b\"c", "-"} {
		if strings.ContainsAny(name, `?"`) && os.PathSeparator == '\\' {
			continue
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "keyfob.db")
		s := openStore(t, path)
		if err := s.Update(t.Context(), bump(t.Context(), "s")); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Fatalf("%q: the records are elsewhere: %v", name, err)
		}
	}
}

func TestDeletedContentIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	canary := []byte("canary-ciphertext-0123456789")
	x := storetest.Secret("s")
	x.Ciphertext = canary
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Secrets().Create(t.Context(), x) }); err != nil {
		t.Fatal(err)
	}
	if log, _ := os.ReadFile(path + "-wal"); !bytes.Contains(log, canary) {
		t.Fatal("the canary is not where this test looks for it")
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Secrets().Delete(t.Context(), "s", 1) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nowhere(t, filepath.Dir(path), canary)
}

func nowhere(t *testing.T, dir string, canary []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("nothing to look at: %v", err)
	}
	for _, e := range entries {
		if b, _ := os.ReadFile(filepath.Join(dir, e.Name())); bytes.Contains(b, canary) {
			t.Errorf("%s still holds a deleted ciphertext", e.Name())
		}
	}
}
