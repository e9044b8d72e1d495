//go:build !unix

package sqlite

import (
	"os"
)

// modesMatter says whether a file's mode tells who may use it. Here the
// platform's data directory is the user's own by its access list.
const modesMatter = false

func isReadOnlyFS(error) bool { return false }

func isDiskFull(error) bool { return false }

// writable says why dir cannot be used; whether it can be written shows when the
// file is made.
func writable(dir string) error {
	_, err := os.Stat(dir)
	return err
}

// syncDir does nothing: here a directory cannot be synced, and the file system
// makes names durable by itself.
func syncDir(string) error { return nil }
