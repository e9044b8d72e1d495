//go:build unix

package app

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
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

// OpenParent is a directory above the home in which everybody may rename what is
// another's, and so put something else in the home's place; empty: there is none.
func OpenParent(home string) string {
	paths := []string{home}
	if real, err := filepath.EvalSymlinks(home); err == nil {
		paths = append(paths, real)
	}
	for _, path := range paths {
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
				return dir
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return ""
}

// userName is for a command line; USER where the system has no name.
func userName(uid uint32) string {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return "USER"
	}
	return u.Username
}
