package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keyfob/internal/core"
)

// makeHome makes the home, readable by its owner only.
func makeHome(home string) error {
	if home == "" {
		return core.Errorf(core.Invalid, "no home directory").WithHint("set KEYFOB_HOME")
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return homeError(home, err)
	}
	return checkHome(home)
}

// checkHome refuses a home that somebody else may read or write. A home that is
// not there yet is no fault.
func checkHome(home string) error {
	if home == "" {
		return core.Errorf(core.Invalid, "no home directory").WithHint("set KEYFOB_HOME")
	}
	info, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return homeError(home, err)
	}
	if !info.IsDir() {
		return core.Errorf(core.Invalid, "%s is not a directory", home).WithHint("set KEYFOB_HOME to a directory")
	}
	if err := private(home, home, info, 0o700); err != nil {
		return err
	}
	return checkFiles(home)
}

// checkFiles looks at the home's own files and directories, one level deep.
func checkFiles(home string) error {
	entries, err := os.ReadDir(home)
	if err != nil {
		return homeError(home, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process removed it
		}
		if err != nil {
			return homeError(home, err)
		}
		mode := fs.FileMode(0o600)
		if info.IsDir() {
			mode = 0o700
		}
		if err := private(home, filepath.Join(home, e.Name()), info, mode); err != nil {
			return err
		}
	}
	return nil
}

func homeError(home string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return core.Errorf(core.Unavailable, "%s cannot be used: permission denied", home).
			WithHint("make it yours, or set KEYFOB_HOME to a directory of your own").Wrap(err)
	case strings.Contains(err.Error(), "read-only"):
		return core.Errorf(core.Unavailable, "%s is on a read-only file system", home).
			WithHint("set KEYFOB_HOME to a directory that can be written").Wrap(err)
	}
	return core.Errorf(core.Unavailable, "%s cannot be used", home).WithHint("check the path, or set KEYFOB_HOME").Wrap(err)
}
