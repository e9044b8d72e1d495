package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// files are the names in a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestBackup(t *testing.T) {
	s := openStore(t, firstFormat(t))
	dir := t.TempDir()
	path := filepath.Join(dir, "b a?c'k#up.db")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Users().Create(t.Context(), storetest.User("u")), tx.MCPServers().Create(t.Context(), storetest.MCPServer("m")))
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.BackupTo(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Copy{Path: path, Format: sqlite.FormatVersion, Header: core.Header{Custody: "file", RootKeyID: "abc", CreatedAt: micro(1)},
		Secrets: 2, Accounts: 1, MCPServers: 1, Users: 1, Entries: 1, Newest: micro(15)}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	want.Bytes = info.Size()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
	checked, err := sqlite.CheckBackup(t.Context(), path)
	if err != nil || checked != got {
		t.Fatalf("%+v, %v", checked, err)
	}
	if names := files(t, dir); !slices.Equal(names, []string{filepath.Base(path)}) {
		t.Fatalf("there are %q", names)
	}
	if d := cmp.Diff(stateOf(t, s), stateOf(t, openStore(t, path))); d != "" {
		t.Fatalf("(-live +backup)\n%s", d)
	}
}

func TestBackupReplacesNothing(t *testing.T) {
	s := openStore(t, made(t))
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.BackupTo(t.Context(), path)
	wants(t, err, core.Conflict, "file_exists")
	_, err = s.BackupTo(t.Context(), filepath.Join(dir, "none", "backup.db"))
	wants(t, err, core.Unavailable, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.BackupTo(ctx, filepath.Join(dir, "other.db"))
	wants(t, err, core.Unavailable, "canceled")
	if names := files(t, dir); !slices.Equal(names, []string{"backup.db"}) {
		t.Fatalf("there are %q", names)
	}
	if b, err := os.ReadFile(path); err != nil || len(b) != 0 {
		t.Fatalf("the file was written to: %d bytes, %v", len(b), err)
	}
}

// Many ask for one name: one has it, and it is whole.
func TestManyBackupsToOneName(t *testing.T) {
	s := openStore(t, made(t))
	path := filepath.Join(t.TempDir(), "backup.db")
	var wg sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.BackupTo(t.Context(), path) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wants(t, err, core.Conflict, "file_exists")
	}
	if won != 1 {
		t.Fatalf("%d have it", won)
	}
	if _, err := sqlite.CheckBackup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
}

// A backup is of one moment, while this process and another write.
func TestBackupWhileOthersWrite(t *testing.T) {
	path := made(t)
	s := openStore(t, path)
	_, lines := writer(t, path)
	for n := range 5 {
		if !lines.Scan() {
			t.Fatal("the writer stopped")
		}
		seen := lines.Text()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Update(t.Context(), bump(t.Context(), core.NewID("here"))); err != nil {
				t.Error(err)
			}
		})
		to := filepath.Join(t.TempDir(), "backup.db")
		got, err := s.BackupTo(t.Context(), to)
		wg.Wait()
		if err != nil || got.Secrets != got.Entries || got.Secrets < 60+int64(n) {
			t.Fatalf("%+v, %v", got, err)
		}
		whole(t, openStore(t, to), []string{seen})
	}
}

func TestBackupHoldsNothingDeleted(t *testing.T) {
	s := openStore(t, made(t))
	canary := []byte("canary-ciphertext-0123456789")
	x := storetest.Secret("s")
	x.Ciphertext = canary
	for _, fn := range []func(store.Tx) error{
		func(tx store.Tx) error { return tx.Secrets().Create(t.Context(), x) },
		func(tx store.Tx) error { return tx.Secrets().Delete(t.Context(), "s", 1) },
	} {
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if _, err := s.BackupTo(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	nowhere(t, dir, canary)
}

// backedUp is a backup of sixty secrets.
func backedUp(t testing.TB) string {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "keyfob.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	err = s.Update(t.Context(), func(tx store.Tx) error {
		for range 60 {
			if err := bump(t.Context(), core.NewID("s"))(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup.db")
	if _, err := s.BackupTo(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckBackupRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, path string)
		code   core.Code
		reason string
	}{
		"gone":     {func(t *testing.T, path string) { _ = os.Remove(path) }, core.Unavailable, ""},
		"empty":    {func(t *testing.T, path string) { _ = os.Truncate(path, 0) }, core.Invalid, "no_backup"},
		"cut off":  {func(t *testing.T, path string) { _ = os.Truncate(path, 8192) }, core.Internal, "store_damaged"},
		"text":     {func(t *testing.T, path string) { _ = os.WriteFile(path, []byte("hello"), 0o600) }, core.Internal, "store_damaged"},
		"newer":    {func(t *testing.T, path string) { _ = raw(t, path, "PRAGMA user_version = 99").Close() }, core.Unavailable, "newer_format"},
		"foreign":  {func(t *testing.T, path string) { _ = raw(t, path, "PRAGMA application_id = 7").Close() }, core.Invalid, "foreign_database"},
		"no table": {func(t *testing.T, path string) { _ = raw(t, path, "DROP TABLE secret").Close() }, core.Internal, "store_damaged"},
		"a trigger": {func(t *testing.T, path string) {
			_ = raw(t, path, "CREATE TRIGGER x AFTER INSERT ON secret BEGIN DELETE FROM audit; END").Close()
		}, core.Invalid, "no_backup"},
		"a view": {func(t *testing.T, path string) { _ = raw(t, path, "CREATE VIEW x AS SELECT 1").Close() }, core.Invalid, "no_backup"},
		"lost links": {func(t *testing.T, path string) {
			_ = raw(t, path, "INSERT INTO health VALUES ('gone', '', '', 0, 0, '', 0)").Close()
		}, core.Internal, "store_damaged"},
		"in use": {func(t *testing.T, path string) {
			if err := openStore(t, path).Update(t.Context(), bump(t.Context(), "new")); err != nil {
				t.Fatal(err)
			}
		}, core.Invalid, "no_backup"},
	} {
		t.Run(name, func(t *testing.T) {
			path := backedUp(t)
			c.spoil(t, path)
			before, _ := os.ReadFile(path)
			_, err := sqlite.CheckBackup(t.Context(), path)
			wants(t, err, c.code, c.reason)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			_, _, err = sqlite.Restore(t.Context(), path, filepath.Join(t.TempDir(), "keyfob.db"), nil)
			wants(t, err, c.code, c.reason)
		})
	}
}

// Whichever page is damaged, the check sees it or every record is as it was.
func TestCheckBackupReadsEachPage(t *testing.T) {
	good, err := os.ReadFile(backedUp(t))
	if err != nil {
		t.Fatal(err)
	}
	found, dir := 0, t.TempDir()
	for at := 0; at < len(good); at += 4096 {
		bad := bytes.Clone(good)
		copy(bad[at+100*(1-min(at, 1)):at+4096], bytes.Repeat([]byte{0xa5}, 4096))
		path := filepath.Join(dir, "backup.db")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.CheckBackup(t.Context(), path); err != nil {
			wants(t, err, core.Internal, "store_damaged")
			found++
		}
	}
	if found != len(good)/4096 {
		t.Fatalf("%d of %d damaged pages were noticed", found, len(good)/4096)
	}
}

// Any bytes over any part of a backup, or in its place.
func FuzzCheckBackup(f *testing.F) {
	good, err := os.ReadFile(backedUp(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, good[:100])
	f.Add(16, []byte{0xff, 0xff})
	f.Add(4096, []byte{2, 0, 0, 0, 0})
	f.Add(-1, []byte("SQLite format 3\x00"))
	f.Fuzz(func(t *testing.T, at int, patch []byte) {
		content := patch
		if at >= 0 {
			content = bytes.Clone(good)
			copy(content[at%len(content):], patch)
		}
		path := filepath.Join(t.TempDir(), "backup.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.CheckBackup(t.Context(), path); err != nil {
			if _, ok := errors.AsType[*core.Error](err); !ok {
				t.Fatal(err)
			}
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Fatal("the check changed the file")
		}
	})
}

func TestRestore(t *testing.T) {
	backup := backedUp(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "keyfob.db")
	got, aside, err := sqlite.Restore(t.Context(), backup, path, nil)
	if err != nil || aside != "" || got.Secrets != 60 || got.Path != backup {
		t.Fatalf("%+v, %q, %v", got, aside, err)
	}
	s := openStore(t, path)
	whole(t, s, nil)
	if err := s.Update(t.Context(), bump(t.Context(), "later")); err != nil {
		t.Fatal(err)
	}
	_, _, err = sqlite.Restore(t.Context(), backup, path, nil)
	wants(t, err, core.Unavailable, "store_in_use")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	_, aside, err = sqlite.Restore(t.Context(), backup, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if names := files(t, dir); !slices.Equal(names, []string{"keyfob.db", filepath.Base(aside)}) {
		t.Fatalf("there are %q", names)
	}
	for at, want := range map[string]int{path: 60, aside: 61} {
		kept, err := sqlite.CheckBackup(t.Context(), at)
		if err != nil || kept.Secrets != int64(want) {
			t.Fatalf("%s: %+v, %v", at, kept, err)
		}
		whole(t, openStore(t, at), nil)
	}
}

// A killed process left its log: it belongs to the old database, and beside the
// restored one SQLite would take it for its own.
func TestRestoreBesideALog(t *testing.T) {
	for name, damage := range map[string]bool{"sound": false, "damaged": true} {
		t.Run(name, func(t *testing.T) {
			backup, path := backedUp(t), filepath.Join(t.TempDir(), "keyfob.db")
			cmd, lines := writer(t, path)
			var acknowledged []string
			for range 10 {
				if lines.Scan() {
					acknowledged = append(acknowledged, lines.Text())
				}
			}
			_ = cmd.Process.Kill()
			for lines.Scan() {
				acknowledged = append(acknowledged, lines.Text())
			}
			_ = cmd.Wait()
			if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
				t.Fatalf("there is no log: %v", err)
			}
			if damage {
				if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 4096), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, aside, err := sqlite.Restore(t.Context(), backup, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := openStore(t, path)
			whole(t, s, nil)
			err = s.View(t.Context(), func(tx store.Tx) error {
				list, err := tx.Secrets().List(t.Context(), core.Local)
				if len(list) != 60 {
					t.Errorf("%d secrets were restored", len(list))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			whole(t, openStore(t, aside), acknowledged) // the log made it whole again
		})
	}
}

// An older backup is restored and brought up to date when it is opened.
func TestRestoreAnOlderFormat(t *testing.T) {
	old, path := firstFormat(t), filepath.Join(t.TempDir(), "keyfob.db")
	got, _, err := sqlite.Restore(t.Context(), old, path, nil)
	if err != nil || got.Format != 1 || got.Secrets != 2 || got.Newest != time.UnixMicro(15).UTC() {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := cmp.Diff(upgraded(), stateOf(t, openStore(t, path))); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}
