package cli

import "golang.org/x/sys/unix"

// hardened says whether this process's memory is kept out of core dumps and
// from other processes, and if not what is open.
func hardened() (bool, string) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &r); err != nil || r.Cur != 0 {
		return false, "core dumps are on"
	}
	if d, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || d != 0 {
		return false, "other processes of yours may read this one's memory"
	}
	return true, "core dumps are off, and the process is not dumpable"
}
