//go:build unix

package app

import (
	"os"
	"syscall"
)

func endSignals() []os.Signal    { return []os.Signal{os.Interrupt, syscall.SIGTERM} }
func reloadSignals() []os.Signal { return []os.Signal{syscall.SIGHUP} }
