package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// maxLog is the size in bytes from which the log starts anew at the next open;
// one older file is kept.
const maxLog = 1 << 20

// openLog opens the log file. Several processes append whole lines to it.
func openLog(c Config) (*slog.Logger, func() error, error) {
	if c.Log != nil {
		return c.Log, func() error { return nil }, nil
	}
	dir := filepath.Join(c.Home, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, homeError(dir, err)
	}
	path := filepath.Join(dir, "keyfob.log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, homeError(path, err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, homeError(path, err)
	}
	return slog.New(slog.NewJSONHandler(f, nil)), f.Close, nil
}
