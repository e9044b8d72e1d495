//go:build unix

package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/custody/file"
)

func TestForeignOwnerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	d := file.New(path)
	if _, err := d.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, -1); err != nil {
		t.Skipf("SKIPPED %s: only root can give a file away: %v", t.Name(), err)
	}
	_, err := d.Open(t.Context())
	if os.Geteuid() == 65534 || !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: "foreign_owner"}) {
		t.Fatal(err)
	}
}
