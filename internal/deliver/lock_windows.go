package deliver

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile waits for an exclusive lock, which ends with the handle and so with
// the process.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
}

// fileID is what tells one file from another; it needs f open.
func fileID(_ os.FileInfo, f *os.File) (dev, ino uint64) {
	if f == nil {
		return 0, 0
	}
	var info windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info) != nil {
		return 0, 0
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)
}

// syncDir does nothing: Windows has no such call.
func syncDir(string) error { return nil }
