package file

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// publish puts a new file at path: fs.ErrExist if there is one. A hard link
// makes it appear whole; where the file system has none, the file is written in
// place.
func publish(path string, text []byte) error {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	if err := write(temp, text); err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }()
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = write(path, text)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// write makes a new file of mode 0600 and returns when it is on the disk.
func write(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}
