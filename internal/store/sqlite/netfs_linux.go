package sqlite

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// networkTypes are the magic numbers of statfs(2) and of the file systems'
// sources, as 32 bits.
var networkTypes = map[uint32]string{
	0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb2",
	0x5346414f: "afs", 0x6b414653: "afs", 0x73757245: "coda", 0x00c36400: "ceph",
	0x0bd00bd0: "lustre", 0x47504653: "gpfs", 0x7461636f: "ocfs2", 0x01161970: "gfs2",
	0x01021997: "9p", 0x564c: "ncp", 0x013111a8: "ibrix", 0xaad7aaea: "panfs", 0x786f4256: "vboxsf",
}

const fuseType = 0x65735546

// networkFUSE are the names in mountinfo of what FUSE's one magic number hides.
// FUSE on a local disk, such as gocryptfs or ntfs-3g, is allowed.
var networkFUSE = []string{
	"virtiofs", "sshfs", "s3fs", "rclone", "gcsfuse", "goofys", "glusterfs", "ceph", "davfs", "curlftpfs",
	"smbnetfs", "juicefs", "seaweedfs", "moosefs", "lizardfs", "blobfuse", "grpcfuse", "osxfs", "vmhgfs", "cvmfs", "google-drive", "onedriver", "beegfs",
}

// networkFS names the network file system that dir is on; empty: none.
func networkFS(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	t := uint32(st.Type) //nolint:gosec,unconvert // the numbers are of 32 bits; the field's type differs by architecture
	if t != fuseType {
		return networkTypes[t], nil
	}
	var at unix.Stat_t
	if err := unix.Stat(dir, &at); err != nil {
		return "", &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", nil // not to be told: allowed, as FUSE on a local disk is
	}
	dev := uint64(at.Dev) //nolint:unconvert // the field's type differs by architecture
	return fuseKind(string(mounts), fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))), nil
}

// fuseKind finds the device's file system type in the text of
// /proc/self/mountinfo (proc(5)) and gives it where it is a network one.
func fuseKind(mountinfo, dev string) string {
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		fields, tail := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 3 || len(tail) < 1 || fields[2] != dev {
			continue
		}
		for _, n := range networkFUSE {
			if strings.Contains(tail[0], n) {
				return tail[0]
			}
		}
	}
	return ""
}
