package deliver

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// birth asks the kernel for the process's start and the machine's.
func birth(pid int) (start, boot, space string) {
	if p, err := unix.SysctlKinfoProc("kern.proc.pid", pid); err == nil {
		t := p.Proc.P_starttime
		start = fmt.Sprintf("%d.%d", t.Sec, t.Usec)
	}
	if t, err := unix.SysctlTimeval("kern.boottime"); err == nil {
		boot = fmt.Sprint(t.Sec)
	}
	return start, boot, ""
}
