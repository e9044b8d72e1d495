//go:build unix

package deliver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// runForTest runs the arguments as run does, hardened, and exits with the code.
func runForTest() int {
	if err := Harden(); err != nil {
		return 99
	}
	sig := CatchSignals()
	defer sig.Stop()
	env := []string{}
	for _, l := range os.Environ() {
		if !strings.HasPrefix(l, "DELIVER_TEST=") {
			env = append(env, l)
		}
	}
	code, err := Command{Args: os.Args[1:], Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}.Run(sig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Fprintln(os.Stderr, "after the child")
	return code
}

func runner(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "DELIVER_TEST=run")
	return cmd
}

func codeOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	return e.ExitCode()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain := write("plain", "echo", 0o644)
	bare := write("bare", "echo hi", 0o755)
	lost := write("lost", "#!/no/such/interpreter\n", 0o755)
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 7"}, 7},
		{[]string{"sh", "-c", "kill -KILL $$"}, 137},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143},
		{[]string{"no-such-command-anywhere"}, 127},
		{[]string{dir + "/none"}, 127},
		{[]string{plain}, 126},
		{[]string{dir}, 126},
		{[]string{bare}, 126},
		{[]string{lost}, 126},
	} {
		if got := codeOf(t, runner(c.args...).Run()); got != c.want {
			t.Errorf("%.60q exits %d, want %d", c.args, got, c.want)
		}
	}
}

func TestTooLargeAnEnvironment(t *testing.T) {
	sig := CatchSignals()
	defer sig.Stop()
	code, err := Command{Args: []string{"true"}, Env: []string{"PATH=" + os.Getenv("PATH"), "X=" + strings.Repeat("x", 8<<20)}}.Run(sig)
	if code != ExitNotExecutable || err == nil || strings.Contains(err.Error(), "xxx") {
		t.Errorf("%d, %.200v", code, err)
	}
}

// The command is looked up in the child's PATH.
func TestLookupInTheChildsPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, _, err := lookPath("mine", []string{"PATH=/nowhere:" + dir}); err != nil || got != filepath.Join(dir, "mine") {
		t.Errorf("%s, %v", got, err)
	}
	if _, code, _ := lookPath("mine", []string{"PATH=/nowhere"}); code != ExitNotFound {
		t.Errorf("code %d", code)
	}
}

func TestStreamsAreInherited(t *testing.T) {
	in, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := runner("sh", "-c", `readlink /proc/self/fd/0 || true; echo err >&2`)
	cmd.Stdin = in
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/fd"); err == nil && !strings.Contains(out.String(), filepath.Base(os.Args[0])) {
		t.Errorf("stdin is %q", out.String())
	}
	if !strings.HasPrefix(errs.String(), "err\n") {
		t.Errorf("stderr %q", errs.String())
	}
}

// A signal to keyfob alone reaches the child, and keyfob outlives it.
func TestSignalsArePassedOn(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH} {
		name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
		if signal.Ignored(sig) {
			t.Logf("%s is ignored here, as under nohup, and stays so", name)
			continue
		}
		cmd := runner("sh", "-c", `trap 'echo got; exit 9' `+name+`; echo ready; while :; do sleep 0.01; done`)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(out)
		if l, _ := r.ReadString('\n'); l != "ready\n" {
			t.Fatalf("%s: %q", name, l)
		}
		_ = cmd.Process.Signal(sig)
		rest, _ := io.ReadAll(r)
		if code := codeOf(t, cmd.Wait()); code != 9 || string(rest) != "got\n" || !strings.Contains(errs.String(), "after the child") {
			t.Errorf("%s: exit %d, %q, %q", name, code, rest, errs.String())
		}
	}
}

func TestIgnoredSignalsStayIgnored(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap '' HUP; exec "$0" sh -c 'kill -HUP $$; echo alive'`, os.Args[0])
	cmd.Env = append(os.Environ(), "DELIVER_TEST=run")
	out, err := cmd.Output()
	if err != nil || string(out) != "alive\n" {
		t.Errorf("%q, %v: as under nohup, the child must not hang up", out, err)
	}
}

// The reader of our standard error had gone, as under "2>&1 | head -1": the
// first line written to it ended keyfob by SIGPIPE, before anything was taken
// back, and the files stayed delivered.
func TestBrokenPipeIsNoEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := runner("sh", "-c", "exit 6") // runForTest writes a line after it
	cmd.Stderr = w
	if err := errors.Join(cmd.Start(), r.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if code := codeOf(t, cmd.Wait()); code != 6 {
		t.Errorf("ended with %d", code)
	}
	child := runner("sh", "-c", "kill -PIPE $$; exit 6")
	if code := codeOf(t, child.Run()); code != 128+int(unix.SIGPIPE) {
		t.Errorf("the child does not have its SIGPIPE: %d", code)
	}
}

func TestSignalBeforeTheStart(t *testing.T) {
	sig := CatchSignals()
	defer sig.Stop()
	sig.ch <- unix.SIGTERM
	code, err := Command{Args: []string{"true"}, Env: os.Environ()}.Run(sig)
	if code != 143 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

func TestChildGetsItsCoreLimitBack(t *testing.T) {
	cmd := exec.Command("sh", "-c", `ulimit -S -c 8 || exit 77; exec "$0" sh -c 'ulimit -S -c'`, os.Args[0])
	cmd.Env = append(os.Environ(), "DELIVER_TEST=run")
	out, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 77 {
		t.Skip("core dumps are off for good here")
	}
	if err != nil || string(out) != "8\n" {
		t.Errorf("the child's limit is %q, %v", out, err)
	}
}

// terminal starts cmd on a terminal of its own and gives what it prints.
func terminal(t *testing.T, cmd *exec.Cmd) (*os.File, *bufio.Reader) {
	t.Helper()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 20, Cols: 60})
	if err != nil {
		t.Fatal(err)
	}
	// A terminal takes no read deadline; a test that hangs ends with its child.
	hung := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { hung.Stop(); _ = tty.Close() })
	return tty, bufio.NewReader(tty)
}

func wantLine(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	for {
		l, err := r.ReadString('\n')
		if strings.Contains(l, want) {
			return
		}
		if err != nil {
			t.Fatalf("waiting for %q: %q, %v", want, l, err)
		}
	}
}

// ^C goes to the child once, and keyfob outlives it.
func TestControlCOnATerminal(t *testing.T) {
	cmd := runner("sh", "-c", `n=0; trap 'n=$((n+1)); echo int $n' INT; trap 'echo end $n; exit 5' USR1; echo ready $$; while :; do sleep 0.01; done`)
	tty, r := terminal(t, cmd)
	wantLine(t, r, "ready")
	for i := 1; i <= 3; i++ {
		_, _ = tty.Write([]byte{3})
		wantLine(t, r, fmt.Sprint("int ", i))
	}
	_ = cmd.Process.Signal(unix.SIGUSR1)
	wantLine(t, r, "end 3")
	wantLine(t, r, "after the child")
	if code := codeOf(t, cmd.Wait()); code != 5 {
		t.Errorf("exit %d", code)
	}
}

func TestTerminalIsTheChilds(t *testing.T) {
	cmd := runner("sh", "-c", `trap 'stty size; exit 0' WINCH; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo ready; while :; do sleep 0.01; done`)
	tty, r := terminal(t, cmd)
	wantLine(t, r, "20 60")
	wantLine(t, r, "ready")
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 33, Cols: 99}); err != nil {
		t.Fatal(err)
	}
	wantLine(t, r, "33 99")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// ^Z under a shell with job control: both stop, fg continues both.
func TestControlZUnderAShell(t *testing.T) {
	cmd := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = append(os.Environ(), "DELIVER_TEST=run", "PS1=", "R="+os.Args[0], "HISTFILE=")
	tty, r := terminal(t, cmd)
	say := func(s string) { _, _ = tty.WriteString(s + "\n") }
	say(`stty -echo`)
	say(`"$R" sh -c 'echo rea""dy; read x; echo "go""t $x"; exit 4'`)
	wantLine(t, r, "ready")
	_, _ = tty.Write([]byte{26})
	wantLine(t, r, "Stopped")
	say(`echo sh""ell; fg`)
	wantLine(t, r, "shell")
	say(`text`)
	wantLine(t, r, "got text")
	wantLine(t, r, "after the child")
	say(`echo code""=$?; exit`)
	wantLine(t, r, "code=4")
	_ = cmd.Wait()
}

func TestProcessIdentity(t *testing.T) {
	if !Alive(ThisProcess()) {
		t.Error("this process is not alive")
	}
	for _, p := range []string{"", "x", "1", "-1:::", "0:::", "999999999:::"} {
		if Alive(p) {
			t.Errorf("%q is alive", p)
		}
	}
	parts := strings.SplitN(ThisProcess(), ":", 4)
	if parts[1] != "" {
		if Alive(strings.Join([]string{parts[0], "1" + parts[1], parts[2], parts[3]}, ":")) {
			t.Error("a later process with the same number is taken for it")
		}
	}
	if parts[2] != "" && Alive(strings.Join([]string{parts[0], parts[1], "x" + parts[2], parts[3]}, ":")) {
		t.Error("a process of an earlier boot is alive")
	}
	if parts[3] != "" && !Alive(strings.Join([]string{"999999999", parts[1], parts[2], "another"}, ":")) {
		t.Error("what cannot be told is taken for dead")
	}
}
