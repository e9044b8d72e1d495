//go:build unix && !linux

package cli

import "golang.org/x/sys/unix"

// hardened says whether core dumps are off, and if not what is open.
func hardened() (bool, string) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &r); err != nil || r.Cur != 0 {
		return false, "core dumps are on"
	}
	return true, "core dumps are off"
}
