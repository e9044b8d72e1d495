package deliver

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
)

// birth asks for the process's time of creation.
func birth(pid int) (start, boot, space string) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return "", "", ""
	}
	defer func() { _ = windows.CloseHandle(h) }()
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return "", "", ""
	}
	if exited.Nanoseconds() > created.Nanoseconds() {
		return "gone", "", ""
	}
	return fmt.Sprint(created.Nanoseconds()), "", ""
}

func exists(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err == nil {
		_ = windows.CloseHandle(h)
	}
	return err == nil || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
