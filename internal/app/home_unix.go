//go:build unix

package app

import (
	"io/fs"
	"os"
	"syscall"

	"keyfob/internal/core"
)

// private says why others could read or write the path.
func private(path string, info fs.FileInfo, mode fs.FileMode) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil // the link's target is looked at where it is opened
	}
	if info.Mode().Perm()&0o077 != 0 {
		return core.Errorf(core.Forbidden, "others may use %s: its mode is %04o", path, info.Mode().Perm()).
			WithReason("open_permissions").WithHint("run: chmod %o %s", mode, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return core.Errorf(core.Forbidden, "%s belongs to user %d, not to you", path, st.Uid).
			WithReason("foreign_owner").WithHint("run keyfob as that user, or set KEYFOB_HOME to a directory of your own")
	}
	return nil
}
