package upkeep_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upkeep"
)

func (w *world) entries(t testing.TB) []guard.Listed {
	t.Helper()
	list, err := w.Guard.Entries(t.Context(), admin, core.Forever, 3)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBackup(t *testing.T) {
	w := newWorld(t, 2)
	path := filepath.Join(t.TempDir(), "backup.db")
	got, err := w.process(w.Store).Backup(t.Context(), admin, w.Store, path)
	if err != nil || got.Secrets != 6 || got.Header.RootKeyID != w.root.ID() {
		t.Fatalf("%+v, %v", got, err)
	}
	e := w.entries(t)
	if e[0].Action != guard.VaultBackup || e[0].Outcome != guard.OK || e[0].Detail["path"] != path || e[0].Detail["root_key"] != w.root.ID() || e[1].Outcome != guard.Attempt {
		t.Errorf("%+v", e[:2])
	}
	// The backup knows of itself, opens with the root key, and its trail is whole.
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	restored := &world{Kit: guardtest.Kit{Store: st}, root: w.root, want: w.want}
	restored.Guard = guard.New(st, guardtest.Writer)
	if e := restored.entries(t); e[0].Action != guard.VaultBackup || e[0].Outcome != guard.Attempt {
		t.Errorf("%+v", e[0])
	}
	restored.sound(t)
}

// A backup that cannot be recorded is not left lying about.
func TestBackupThatCannotBeRecorded(t *testing.T) {
	for at := range 2 { // the attempt, or the outcome
		w := newWorld(t, 1)
		path := filepath.Join(t.TempDir(), "backup.db")
		_, err := w.process(&mortal{Store: w.Store, at: at}).Backup(t.Context(), admin, w.Store, path)
		if core.CodeOf(err) != core.Unavailable || !errors.Is(err, errDead) {
			t.Errorf("at %d: %v", at, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("at %d there is a backup", at)
		}
	}
}

func TestBackupOnlyForTheAdministrator(t *testing.T) {
	w := newWorld(t, 1)
	path := filepath.Join(t.TempDir(), "backup.db")
	for _, a := range []core.Actor{core.LocalUser, {Kind: core.LauncherActor, ID: "l", Owner: core.Org}} {
		if _, err := w.process(w.Store).Backup(t.Context(), a, w.Store, path); core.CodeOf(err) != core.Forbidden {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a backup")
	}
}

// A backup that was made before the root key was changed opens with the old one.
func TestBackupFromBeforeARekey(t *testing.T) {
	w := newWorld(t, 1)
	path := filepath.Join(t.TempDir(), "backup.db")
	if _, err := w.process(w.Store).Backup(t.Context(), admin, w.Store, path); err != nil {
		t.Fatal(err)
	}
	old := w.root
	if err := w.process(w.Store).Rekey(t.Context(), admin, guardtest.RootKey(t), ""); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.CheckBackup(t.Context(), path)
	if err != nil || c.Header.RootKeyID != old.ID() {
		t.Fatalf("%+v, %v", c, err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	(&world{Kit: guardtest.Kit{Store: st}, root: old, want: w.want}).sound(t)
}

var _ upkeep.Backuper = (*sqlite.Store)(nil)
