//go:build !unix

package file

import "io/fs"

// private accepts the file: modes say nothing here, and the platform's data
// directory is the user's own by its access list.
func private(string, fs.FileInfo) error { return nil }

// syncDir does nothing: a directory cannot be flushed here, and the file system
// orders its own changes.
func syncDir(string) error { return nil }
