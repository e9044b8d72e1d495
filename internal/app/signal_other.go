//go:build !unix

package app

import "os"

func endSignals() []os.Signal    { return []os.Signal{os.Interrupt} }
func reloadSignals() []os.Signal { return nil }
