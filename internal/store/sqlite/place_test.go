package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

func movedNow(t *testing.T, s *sqlite.Store) {
	t.Helper()
	ctx := t.Context()
	wants(t, s.Update(ctx, bump(ctx, core.NewID("s"))), core.Unavailable, "store_moved")
	wants(t, s.View(ctx, func(store.Tx) error { return nil }), core.Unavailable, "store_moved")
	_, err := s.Version(ctx)
	wants(t, err, core.Unavailable, "store_moved")
	wants(t, s.Writable(ctx), core.Unavailable, "store_moved")
}

// Somebody moved the database aside and put a backup in its place while the
// server ran. The server went on in the file that was moved, and what it
// acknowledged was gone with the next start.
func TestTheFileIsMovedUnderAnOpenStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	if err := errors.Join(s.Update(t.Context(), bump(t.Context(), "kept")), s.Writable(t.Context())); err != nil {
		t.Fatal(err)
	}
	aside := path + ".aside"
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	movedNow(t, s)
	another, err := os.ReadFile(made(t))
	if err == nil {
		err = os.WriteFile(path, another, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	movedNow(t, s)
	if now, err := os.ReadFile(path); err != nil || string(now) != string(another) {
		t.Errorf("the file that took its place was written: %v", err)
	}
	if err := os.Rename(aside, path); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Writable(t.Context()), s.Update(t.Context(), bump(t.Context(), "after"))); err != nil {
		t.Fatalf("once it is back: %v", err)
	}
	whole(t, s, []string{"kept", "after"})
}

func TestTheFileIsDeletedUnderAnOpenStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	movedNow(t, s)
}

func TestTheDirectoryIsMovedUnderAnOpenStore(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, filepath.Join(home, "keyfob.db"))
	if err := errors.Join(os.Rename(home, home+".aside"), os.Mkdir(home, 0o700)); err != nil {
		t.Fatal(err)
	}
	movedNow(t, s)
	openStore(t, filepath.Join(home, "keyfob.db")) // whoever comes next has one of his own
	movedNow(t, s)
}

// A write that was on its way when the file was moved must not be acknowledged.
func TestTheFileIsMovedWhileSomethingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(bump(t.Context(), "late")(tx), os.Rename(path, path+".aside"))
	})
	wants(t, err, core.Unavailable, "store_moved")
}

// Another process takes the write lock and never gives it back: each write fails
// after its patience, but nobody writes while nobody asks, so it must show
// without a write.
func TestAnotherProcessKeepsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	release := lockedElsewhere(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	wants(t, s.Writable(ctx), core.Unavailable, "store_locked")
	if _, err := s.Version(t.Context()); err != nil {
		t.Errorf("it can still be read: %v", err)
	}
	release()
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("once the lock is given back: %v", err)
	}
	left, err := filepath.Glob(path + "-probe*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// An administrator's large change, on a slow machine.
func TestALargeTransactionIsNoLock(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "keyfob.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Update(t.Context(), func(store.Tx) error { return s.Writable(ctx) })
	if err != nil {
		t.Fatal(err)
	}
}

// Under load a request waits long for its turn. The store is busy then, and not out
// of order: a balancer that took the server away would make it no better.
func TestALongQueueIsNoLock(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "keyfob.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	ended := make(chan error, 2)
	first := s.Update(t.Context(), func(tx store.Tx) error {
		go func() { // gets its turn after this one, and keeps it until the asking is over
			ended <- s.Update(t.Context(), func(tx store.Tx) error {
				<-ctx.Done()
				return bump(t.Context(), "second")(tx)
			})
		}()
		s.Queued(1)
		go func() { ended <- s.Writable(ctx) }()
		s.Queued(2)
		return bump(t.Context(), "first")(tx)
	})
	if err := errors.Join(first, <-ended, <-ended); err != nil {
		t.Fatal(err)
	}
}

// lockedElsewhere has a process of its own hold the write lock.
func lockedElsewhere(t *testing.T, path string) (release func()) {
	t.Helper()
	cmd := child(t, "lock", path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "locked" {
		t.Fatalf("the other process said %q", lines.Text())
	}
	return func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Fatal(err)
		}
	}
}

// keepLocked holds the write lock until its input ends.
func keepLocked(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, db.Close())
}

// Somebody tidied up: the files beside the database looked like left-overs. The
// server went on with the log that had no name any more, another command began a
// new one, and neither saw what the other wrote.
func TestTheLogIsRemovedUnderAnOpenStore(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"the log is deleted":       func(p string) error { return os.Remove(p + "-wal") },
		"the index is deleted":     func(p string) error { return os.Remove(p + "-shm") },
		"both are deleted":         func(p string) error { return errors.Join(os.Remove(p+"-wal"), os.Remove(p+"-shm")) },
		"the log is moved":         func(p string) error { return os.Rename(p+"-wal", p+"-wal.aside") },
		"an older log is put back": func(p string) error { return replaced(p + "-wal") },
		"the log is emptied anew":  func(p string) error { return errors.Join(os.Remove(p+"-wal"), os.WriteFile(p+"-wal", nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyfob.db")
			s := openStore(t, path)
			if err := errors.Join(s.Update(t.Context(), bump(t.Context(), "kept")), s.Writable(t.Context())); err != nil {
				t.Fatal(err)
			}
			if err := take(path); err != nil {
				t.Fatal(err)
			}
			movedNow(t, s)
			// As an orderly end says.
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			whole(t, openStore(t, path), []string{"kept"})
		})
	}
}

// replaced puts a copy of a file in its place.
func replaced(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".copy", text[:len(text)/2], 0o600), os.Rename(path+".copy", path))
}

// A write that was on its way when the log was removed must not be acknowledged.
func TestTheLogIsRemovedWhileSomethingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(bump(t.Context(), "late")(tx), os.Remove(path+"-wal"))
	})
	wants(t, err, core.Unavailable, "store_moved")
}

// SQLite itself empties the log, and removes and makes both files, as processes
// come and go and questions are given up. None of that is a fault.
func TestWhatSQLiteDoesWithItsFilesIsNoMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	for round := range 3 {
		another := openStore(t, path)
		if err := errors.Join(another.Update(t.Context(), bump(t.Context(), fmt.Sprint("other", round))), another.Close()); err != nil {
			t.Fatal(err)
		}
		given, cancel := context.WithCancel(t.Context())
		err := s.Update(given, func(tx store.Tx) error { cancel(); return bump(given, "given up")(tx) })
		if err == nil {
			t.Error("what was given up was stored")
		}
		_ = s.View(given, func(tx store.Tx) error { _, err := tx.Changes().Last(given); return err }) // given up as well
		s.Forget()
		if err := s.EmptyLog(t.Context()); err != nil {
			t.Errorf("the log is not emptied: %v", err)
		}
		if err := errors.Join(s.Update(t.Context(), bump(t.Context(), fmt.Sprint("mine", round))), s.Writable(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, s, []string{"other0", "mine0", "other1", "mine1", "other2", "mine2"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "-*"); err != nil || len(left) > 0 {
		t.Errorf("the last one to close leaves %q, %v", left, err)
	}
	again := openStore(t, path)
	if err := again.Writable(t.Context()); err != nil {
		t.Error(err)
	}
}
