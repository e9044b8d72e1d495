//go:build linux

package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// session is keyfob on a terminal of its own.
type session struct {
	t    *testing.T
	tty  *os.File // our end
	cmd  *exec.Cmd
	news chan []byte // what it printed, in pieces; closed at its end
	seen []byte
	at   int // up to where expect has looked
}

// patience is how long a test waits for what should come at once. It decides
// nothing but when to give up.
const patience = 2 * time.Minute

// onTerminal starts keyfob with all three streams on a new terminal.
func onTerminal(t *testing.T, home string, args ...string) *session {
	t.Helper()
	return start(t, home, keyfob, args...)
}

func start(t *testing.T, home, name string, args ...string) *session {
	t.Helper()
	s := &session{t: t, cmd: exec.Command(name, args...), news: make(chan []byte, 64)}
	s.cmd.Env = environ(home)
	var err error
	if s.tty, err = pty.Start(s.cmd); err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	t.Cleanup(func() { _ = s.tty.Close() })
	go s.read()
	return s
}

func environ(home string) []string {
	return []string{
		"HOME=" + home, "KEYFOB_HOME=" + filepath.Join(home, "vault"), "TERM=xterm", "GORACE=exitcode=66 atexit_sleep_ms=10",
		"PATH=" + filepath.Dir(keyfob) + ":" + os.Getenv("PATH"),
	}
}

func (s *session) read() {
	defer close(s.news)
	for {
		b := make([]byte, 4096)
		n, err := s.tty.Read(b)
		if n > 0 {
			s.news <- b[:n]
		}
		if err != nil { // EIO, once nobody has the other end open
			return
		}
	}
}

// expect waits until text was printed, after what was expected before.
func (s *session) expect(text string) {
	s.t.Helper()
	for {
		if i := bytes.Index(s.seen[s.at:], []byte(text)); i >= 0 {
			s.at += i + len(text)
			return
		}
		if !s.more() {
			s.t.Fatalf("never printed %q, but:\n%s", text, s.seen)
		}
	}
}

func (s *session) more() bool {
	select {
	case b, ok := <-s.news:
		s.seen = append(s.seen, b...)
		return ok
	case <-time.After(patience):
		return false
	}
}

// send types text.
func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, text); err != nil {
		s.t.Fatal(err)
	}
}

// sendHidden types text once the terminal shows none of it.
func (s *session) sendHidden(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); s.echo(); {
		if time.Now().After(deadline) {
			s.t.Fatal("the terminal still echoes")
		}
		time.Sleep(time.Millisecond) // between looks; only the look decides
	}
	s.send(text)
}

func (s *session) echo() bool {
	s.t.Helper()
	m, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Lflag&unix.ECHO != 0
}

// exits waits for the end and gives all that was printed.
func (s *session) exits(code int) string {
	s.t.Helper()
	for s.more() {
	}
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](s.cmd.Wait()); ok {
		got = e.ExitCode()
	}
	if got != code {
		s.t.Fatalf("exit code %d, want %d; it printed:\n%s", got, code, s.seen)
	}
	return string(s.seen)
}

// reveal gives a secret's stored value, past any terminal.
func reveal(t *testing.T, home, name string) string {
	t.Helper()
	c := exec.Command(keyfob, "secret", "reveal", name, "--confirm", name)
	c.Env = environ(home)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("reveal %s: %v", name, err)
	}
	return string(out)
}

// pipe runs keyfob without a terminal.
func pipe(t *testing.T, home, stdin string, args ...string) {
	t.Helper()
	c := exec.Command(keyfob, args...)
	c.Env = environ(home)
	c.Stdin = strings.NewReader(stdin)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}
