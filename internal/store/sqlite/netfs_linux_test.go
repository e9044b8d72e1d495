package sqlite

import "testing"

func TestNetworkFS(t *testing.T) {
	if kind, err := networkFS(t.TempDir()); err != nil || kind != "" {
		t.Errorf("the temporary directory is on %q, %v", kind, err)
	}
	if _, err := networkFS("/nowhere/at/all"); err == nil {
		t.Error("a directory that is not there is fine")
	}
	// linux/magic.h and the file systems' sources.
	for magic, want := range map[uint32]string{0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x01021997: "9p", 0xef53: "", 0x01021994: "", 0x9123683e: ""} {
		if got := networkTypes[magic]; got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
}

func TestFuseKind(t *testing.T) {
	const info = `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
41 36 0:45 / /home/u/remote rw,nosuid,nodev shared:9 - fuse.sshfs u@h:/ rw,user_id=0
42 36 0:46 / /home/u/crypt rw,nosuid,nodev - fuse.gocryptfs /home/u/c rw
43 36 0:47 / /shared rw - virtiofs host rw
44 36 8:1 / /win rw - fuseblk /dev/sda1 rw
short - x
`
	for dev, want := range map[string]string{"0:45": "fuse.sshfs", "0:46": "", "0:47": "virtiofs", "8:1": "", "98:0": "", "9:9": ""} {
		if got := fuseKind(info, dev); got != want {
			t.Errorf("%s is %q, want %q", dev, got, want)
		}
	}
}

func FuzzFuseKind(f *testing.F) {
	f.Add("36 35 98:0 / / rw - fuse.sshfs a rw\n", "98:0")
	f.Add(" - ", "")
	f.Fuzz(func(_ *testing.T, info, dev string) { _ = fuseKind(info, dev) })
}
