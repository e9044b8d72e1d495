//go:build !unix

package app

import "io/fs"

// OpenParent knows of none: modes say nothing here.
func OpenParent(string) string { return "" }

// private accepts the path: modes say nothing here, and the platform's data
// directory is the user's own by its access list.
func private(string, string, fs.FileInfo, fs.FileMode) error { return nil }
