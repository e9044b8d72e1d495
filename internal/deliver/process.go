package deliver

import (
	"os"
	"strconv"
	"strings"
)

// ThisProcess names this process so that it is never mistaken for a later one
// with the same number: "PID:START:BOOT:NAMESPACE". What the platform does not
// tell is left empty.
func ThisProcess() string {
	start, boot, space := birth(os.Getpid())
	return strings.Join([]string{strconv.Itoa(os.Getpid()), start, boot, space}, ":")
}

// Alive says whether a process that ThisProcess named still runs. Where that
// cannot be told, such as from another container, it is alive: nothing may be
// taken from a process that might be there. The empty name, and what is no
// name, are not alive.
func Alive(process string) bool {
	parts := strings.SplitN(process, ":", 4)
	pid, err := strconv.Atoi(parts[0])
	if err != nil || pid <= 0 || len(parts) != 4 {
		return false
	}
	_, boot, space := birth(os.Getpid())
	if differ(parts[2], boot) {
		return false
	}
	if differ(parts[3], space) {
		return true
	}
	if !exists(pid) {
		return false
	}
	start, _, _ := birth(pid)
	return !differ(parts[1], start)
}

// differ is false where either is unknown.
func differ(a, b string) bool { return a != "" && b != "" && a != b }
