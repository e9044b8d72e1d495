package deliver

import (
	"sync"

	"golang.org/x/sys/unix"
)

var coreLimit struct {
	sync.Mutex
	before *unix.Rlimit // what Harden replaced
}

// Harden keeps this process's memory, which holds values, out of core dumps and
// from other processes of the same user: RLIMIT_CORE 0 and not dumpable
// (prctl(2), PR_SET_DUMPABLE). Only Linux has the latter; elsewhere Harden does
// nothing. The child gets the former limit back, and is dumpable, since exec
// resets that.
func Harden() error {
	coreLimit.Lock()
	defer coreLimit.Unlock()
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &was); err != nil {
		return err
	}
	if was.Cur != 0 {
		coreLimit.before = &was
	}
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: was.Max})
}

// withChildLimits starts a child with the limit that Harden found. Meanwhile
// this process still leaves no core, since it is not dumpable.
func withChildLimits(start func() error) error {
	coreLimit.Lock()
	defer coreLimit.Unlock()
	if coreLimit.before == nil {
		return start()
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, coreLimit.before)
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: coreLimit.before.Max}) }()
	return start()
}
