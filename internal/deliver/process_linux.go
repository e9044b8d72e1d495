package deliver

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// birth reads when a process started, in clock ticks since boot (field 22 of
// /proc/PID/stat, see proc(5)), which boot that was, and this process's PID
// namespace.
func birth(pid int) (start, boot, space string) {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// The name in parentheses may hold anything, so count from its end.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 19 && fields[0] != "Z" && fields[0] != "X" {
			start = fields[19]
		} else {
			start = "gone"
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		boot = strings.TrimSpace(string(b))
	}
	space, _ = os.Readlink("/proc/self/ns/pid")
	return start, boot, strings.ReplaceAll(space, ":", "")
}
