//go:build unix

package app

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"keyfob/internal/core"
)

// private says why others could read or write the path, which is the home or
// stands there.
func private(home, path string, info fs.FileInfo, mode fs.FileMode) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil // the link's target is looked at where it is opened
	}
	if info.Mode().Perm()&0o077 != 0 {
		return core.Errorf(core.Forbidden, "others may use %s: its mode is %04o", path, info.Mode().Perm()).
			WithReason("open_permissions").WithHint("run: chmod %o %s", mode, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return core.Errorf(core.Forbidden, "%s belongs to user %d, not to you", path, st.Uid).WithReason("foreign_owner").
			WithHint("run keyfob as that user, with its home; as root: runuser -u %s -- env KEYFOB_HOME=%s keyfob …; or set KEYFOB_HOME to a directory of your own", userName(st.Uid), home)
	}
	return nil
}

// userName is for a command line; USER where the system has no name.
func userName(uid uint32) string {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return "USER"
	}
	return u.Username
}
