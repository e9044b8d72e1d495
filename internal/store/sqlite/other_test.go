//go:build !linux

package sqlite_test

import "context"

var platformJobs map[string]func(context.Context, string) error
