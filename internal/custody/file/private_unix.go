//go:build unix

package file

import (
	"io/fs"
	"os"
	"syscall"

	"keyfob/internal/core"
)

// private says why others could read the file.
func private(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return core.Errorf(core.Unavailable, "others may read the root key file %s: its mode is %04o", path, mode).
			WithReason("open_permissions").WithHint("run: chmod 600 %s", path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return core.Errorf(core.Unavailable, "the root key file %s belongs to user %d, not to you", path, st.Uid).
			WithReason("foreign_owner").WithHint("run keyfob as that user, or set KEYFOB_HOME to a directory of your own")
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
