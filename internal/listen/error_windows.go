package listen

import (
	"errors"
	"syscall"
)

// isInUse knows WSAEADDRINUSE.
func isInUse(err error) bool { return errors.Is(err, syscall.Errno(10048)) }
