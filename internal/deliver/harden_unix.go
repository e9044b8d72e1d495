//go:build unix

package deliver

import (
	"sync"

	"golang.org/x/sys/unix"
)

var coreLimit struct {
	sync.Mutex
	before *unix.Rlimit // what Harden replaced; nil: nothing
}

// Harden keeps this process's memory, which holds values, out of core dumps
// (RLIMIT_CORE 0) and, on Linux, from other processes of the same user
// (prctl(2), PR_SET_DUMPABLE 0). The child gets its former limit back and is
// dumpable, since exec resets that.
func Harden() error {
	coreLimit.Lock()
	defer coreLimit.Unlock()
	if err := undumpable(); err != nil {
		return err
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &was); err != nil {
		return err
	}
	if was.Cur == 0 {
		return nil
	}
	coreLimit.before = &was
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: was.Max})
}

// withChildLimits starts a child with the limit that Harden found, which this
// process has too for that moment; on Linux it leaves no core even then.
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
