//go:build e2e && linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// again starts this test binary with the same arguments in name spaces of its
// own for network and mounts; without root, as root of a user name space.
func again(program string) (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideVar+"="+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("a network name space cannot be made (root or unprivileged user name spaces are needed): %w", err)
	}
	return 0, nil
}

// enter brings the loopback interface up, makes our recorder the resolver and
// gives temporary files a place of their own.
func enter() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := ownTemp(); err != nil {
		return err
	}
	return resolveHere()
}

// ownTemp makes temporary files go to a place that nobody else may write above:
// a home below /tmp is one that some clients do not trust. It goes with the
// name space, and what clients leave there too.
func ownTemp() error {
	if err := unix.Mount("tmpfs", "/mnt", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("/mnt: %w", err)
	}
	return os.Setenv("TMPDIR", "/mnt")
}

func resolveHere() error {
	dir := filepath.Dir(os.Getenv(insideVar))
	for path, text := range map[string]string{
		"/etc/resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	} {
		ours := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(ours, []byte(text), 0o644); err != nil {
			return err
		}
		target, err := filepath.EvalSymlinks(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // what is not there is not read
		}
		if err == nil {
			err = unix.Mount(ours, target, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// recorder is set by TestMain.
var recorder *lookups

// lookups is a name server on 127.0.0.1:53 that knows no name and remembers
// every question.
type lookups struct {
	conn net.PacketConn
	done chan struct{}

	mu    sync.Mutex // guards what follows
	names []string
}

func startRecorder() (*lookups, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return nil, err
	}
	l := &lookups{conn: conn, done: make(chan struct{})}
	go l.serve()
	return l, nil
}

func (l *lookups) close() {
	_ = l.conn.Close()
	<-l.done
}

func (l *lookups) serve() {
	defer close(l.done)
	buf := make([]byte, 4096)
	for {
		n, from, err := l.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		name, end := question(buf[:n])
		if end == 0 {
			continue
		}
		l.mu.Lock()
		l.names = append(l.names, name)
		l.mu.Unlock()
		_, _ = l.conn.WriteTo(noSuchName(buf[:n], end), from)
	}
}

// question reads the first question's name (RFC 1035, 4.1.2) and where the
// question ends; 0 if the message has none.
func question(msg []byte) (string, int) {
	var labels []string
	i := 12
	for i < len(msg) && msg[i] != 0 {
		next := i + 1 + int(msg[i])
		if next >= len(msg) {
			return "", 0
		}
		labels = append(labels, string(msg[i+1:next]))
		i = next
	}
	if i+5 > len(msg) {
		return "", 0
	}
	return strings.ToLower(strings.Join(labels, ".")), i + 5
}

// noSuchName answers NXDOMAIN.
func noSuchName(msg []byte, end int) []byte {
	head := []byte{msg[0], msg[1], 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}
	return append(head, msg[12:end]...)
}

// network is what was tried so far: names asked for and packets that had no way
// to go, since their address is none of this machine.
type network struct {
	names   int
	refused int
}

func networkNow(t *testing.T) network {
	t.Helper()
	recorder.mu.Lock()
	defer recorder.mu.Unlock()
	return network{len(recorder.names), noRoutes(t)}
}

// wantOnly fails if since then a name other than these was asked for, or an
// outside address was tried.
func (n network) wantOnly(t *testing.T, allowed ...string) {
	t.Helper()
	recorder.mu.Lock()
	names := slices.Clone(recorder.names[n.names:])
	recorder.mu.Unlock()
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !slices.Contains(allowed, name) {
			t.Errorf("%s was looked up", name)
		}
	}
	if tried := noRoutes(t) - n.refused; tried != 0 {
		t.Errorf("%d packets were meant for addresses outside", tried)
	}
}

// noRoutes is how many packets the kernel had no route for, in this name space.
func noRoutes(t *testing.T) int {
	t.Helper()
	v4, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	v6, err := os.ReadFile("/proc/self/net/snmp6")
	if err != nil {
		t.Fatal(err)
	}
	return column(t, v4, "Ip:", "OutNoRoutes") + row(t, v6, "Ip6OutNoRoutes")
}

// column reads a table whose lines come in pairs: names, then numbers.
func column(t *testing.T, table []byte, line, name string) int {
	t.Helper()
	var names []string
	for l := range bytes.Lines(table) {
		f := strings.Fields(string(l))
		if len(f) == 0 || f[0] != line {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		return number(t, f[slices.Index(names, name)])
	}
	t.Fatalf("%s %s is not counted", line, name)
	return 0
}

func row(t *testing.T, table []byte, name string) int {
	t.Helper()
	for l := range bytes.Lines(table) {
		if f := strings.Fields(string(l)); len(f) == 2 && f[0] == name {
			return number(t, f[1])
		}
	}
	t.Fatalf("%s is not counted", name)
	return 0
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTheNetworkIsEmptyAndWatched shows that the other tests' proof can fail: a
// look-up and an outside address are both seen.
func TestTheNetworkIsEmptyAndWatched(t *testing.T) {
	before := networkNow(t)
	if _, err := net.LookupHost("outside.example"); err == nil {
		t.Error("a name of the outside resolved")
	}
	for _, address := range []string{"192.0.2.1:443", "[2001:db8::1]:443"} {
		if _, err := net.Dial("tcp", address); err == nil {
			t.Errorf("%s answered", address)
		}
	}
	after := networkNow(t)
	if after.names == before.names {
		t.Error("the look-up was not recorded")
	}
	if after.refused-before.refused < 2 {
		t.Errorf("%d outside addresses were counted, want 2", after.refused-before.refused)
	}
}
