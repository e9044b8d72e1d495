package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"keyfob/internal/core"
)

// lockName is the file whose lock a server holds on its vault for as long as it
// lives; the kernel ends the lock with the process.
const lockName = "server.lock"

// lockTries and lockEvery wait out whoever only asks whether a server runs.
const (
	lockTries = 10
	lockEvery = 20 * time.Millisecond
)

// lockVault takes the vault's lock for a server, or for what must not be done
// while one runs; closing the file gives it back. It gives nil where there is no
// home. Errors: conflict, reason "server_running".
func lockVault(ctx context.Context, home string) (*os.File, error) {
	path := filepath.Join(home, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, homeError(path, err)
	}
	for range lockTries {
		ok, err := tryLock(f, true)
		if err != nil {
			return nil, errors.Join(homeError(path, err), f.Close())
		}
		if ok {
			return f, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockEvery):
		}
	}
	return nil, errors.Join(serverRunning(home), f.Close())
}

// lockHeld says whether a server, or what must not be done beside one, is at
// work on the vault.
func lockHeld(home string) (bool, error) {
	path := filepath.Join(home, lockName)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, homeError(path, err)
	}
	ok, err := tryLock(f, false)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, homeError(path, err)
	}
	return !ok, nil
}

// serverRunning names the one that has the lock, where it said its address.
func serverRunning(home string) error {
	e := core.Errorf(core.Conflict, "a server that is just starting, or a change of the root key, has the vault in %s", home)
	if at, err := readRunning(home); err == nil && at.URL != "" {
		e = core.Errorf(core.Conflict, "the server at %s runs on the vault in %s", at.URL, home)
	}
	return e.WithReason("server_running").WithHint("stop it first; a vault has one server")
}
