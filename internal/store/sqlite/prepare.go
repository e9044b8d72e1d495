package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"keyfob/internal/core"
)

const applicationID = 0x4b796662 // "Kyfb"

var magic = []byte("SQLite format 3\x00")

// prepare makes the file where there is none and looks at one that is there,
// before SQLite does anything to it.
func prepare(path string) error {
	dir := filepath.Dir(path)
	if kind, err := networkFS(dir); err != nil {
		return fileError(path, err)
	} else if kind != "" {
		return core.Errorf(core.Unavailable, "%s is on a network file system (%s), where a database is not safe", dir, kind).
			WithReason("network_fs").WithHint("set KEYFOB_HOME to a directory on a local disk")
	}
	if err := writable(dir); err != nil {
		return fileError(dir, err)
	}
	// Without O_TRUNC: of two processes that make the file at once, neither
	// harms the other.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fileError(path, err)
	}
	defer func() { _ = f.Close() }()
	if err := checkModes(path); err != nil {
		return err
	}
	return checkHeader(path, f)
}

func checkModes(path string) error {
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) && p != path {
			continue
		}
		if err != nil {
			return fileError(p, err)
		}
		if !info.Mode().IsRegular() {
			return core.Errorf(core.Invalid, "%s is not a file", p).WithHint("move it away, or set KEYFOB_HOME to another directory")
		}
		if mode := info.Mode().Perm(); modesMatter && mode&0o077 != 0 {
			return core.Errorf(core.Forbidden, "others may use %s: its mode is %04o", p, mode).
				WithReason("open_permissions").WithHint("run: chmod 600 %s", p)
		}
	}
	return nil
}

// checkHeader reads the first page's header (https://www.sqlite.org/fileformat.html, 1.3).
// An empty file is one that was just made.
func checkHeader(path string, f io.Reader) error {
	var h [100]byte
	n, err := io.ReadFull(f, h[:])
	if n == 0 {
		return nil
	}
	if err != nil || !bytes.HasPrefix(h[:], magic) {
		return damaged(path, errors.New("it does not begin as a database does"))
	}
	return checkStamp(path, binary.BigEndian.Uint32(h[68:]), int(binary.BigEndian.Uint32(h[60:])))
}

// checkStamp judges application_id and user_version; both are 0 in a file whose
// making was cut off.
func checkStamp(path string, app uint32, version int) error {
	switch {
	case app == 0 && version == 0:
		return nil
	case app != applicationID:
		return foreign(path)
	case version > FormatVersion:
		return newer(path, version)
	}
	return nil
}

func fileError(path string, err error) error {
	e := core.Errorf(core.Unavailable, "the database cannot be used").WithFile(path).WithHint("check the path, or set KEYFOB_HOME").Wrap(err)
	switch {
	case isReadOnlyFS(err):
		e.Message = "the database is on a read-only file system"
		return e.WithReason("store_readonly").WithHint("set KEYFOB_HOME to a directory that can be written")
	case errors.Is(err, fs.ErrPermission):
		e.Message = "the database cannot be written: permission denied"
		return e.WithReason("store_readonly").WithHint("make it yours and writable, or set KEYFOB_HOME to a directory of your own")
	case errors.Is(err, fs.ErrNotExist):
		e.Message = "the database is not there"
	case isDiskFull(err):
		return diskFull(path, err)
	}
	return e
}
