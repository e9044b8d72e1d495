//go:build unix

package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store/sqlite"
)

// The files are the user's alone from the first moment, whatever the umask.
func TestModes(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	if err := s.Update(t.Context(), bump(t.Context(), "s")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(p); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(p), info, err)
		}
	}
}

func TestOpenModesAreRefused(t *testing.T) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		path := made(t)
		if err := os.WriteFile(path+suffix, nil, 0o600); suffix != "" && err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path+suffix, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := sqlite.Open(t.Context(), path)
		wants(t, err, core.Forbidden, "open_permissions")
		if e := err.(*core.Error); !strings.Contains(e.Hint, "chmod 600 "+path+suffix) {
			t.Errorf("hint %q", e.Hint)
		}
	}
}
