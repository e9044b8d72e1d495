//go:build unix

package crash

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyfob/internal/built"
)

// program is the built keyfob; set by TestMain.
var program string

func TestMain(m *testing.M) { os.Exit(built.Main(m, &program)) }

// place is one user's machine.
type place struct {
	home string
	env  []string
	rand *rand.Rand
	took time.Duration // of the last commands that nobody killed: where the next kill falls
}

func newPlace(t *testing.T) *place {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &place{
		home: home,
		env:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KEYFOB_HOME=" + filepath.Join(t.TempDir(), "keyfob")},
		rand: rand.New(rand.NewPCG(seed, 0)),
		took: 50 * time.Millisecond,
	}
}

// command is the program with this on its standard input, in a process group of
// its own, so that what it started can be ended with it.
func (p *place) command(stdin []byte, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(program, args...)
	out := &bytes.Buffer{}
	cmd.Env, cmd.Dir, cmd.Stdin = p.env, p.home, bytes.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	return cmd, out
}

// must runs a command that nobody kills and that must end well.
func (p *place) must(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	cmd, out := p.command(stdin, args...)
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, tail(out.String()))
	}
	p.took = (p.took + time.Since(begin)) / 2
	return out.String()
}

// kill starts a command and kills it, kill -9, somewhere in its life; what it
// started is killed with it if wholeGroup. It says whether the command had ended
// well before that, which is what "acknowledged" means.
func (p *place) kill(t *testing.T, wholeGroup bool, stdin []byte, args ...string) (acknowledged bool) {
	t.Helper()
	cmd, out := p.command(stdin, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(p.rand.Int64N(int64(p.took*5/4 + time.Millisecond))))
	_ = cmd.Process.Kill() // it may have ended
	if wholeGroup {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	err := cmd.Wait()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return true
	case ended && exit.ProcessState.Sys().(syscall.WaitStatus).Signaled():
		return false
	}
	t.Fatalf("%q ended by itself: %v\n%s", args, err, tail(out.String()))
	return false
}

func tail(s string) string {
	if len(s) > 2000 {
		s = "…" + s[len(s)-2000:]
	}
	return strings.TrimSpace(s)
}
