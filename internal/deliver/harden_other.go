//go:build !linux

package deliver

// Harden does nothing here: only Linux lets a process say that it is not to be
// dumped.
func Harden() error { return nil }

func withChildLimits(start func() error) error { return start() }
