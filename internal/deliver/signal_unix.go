//go:build unix

package deliver

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signals holds this process's signals while a workspace is being made, runs
// and is taken back, so that none of them ends it before all is removed.
type Signals struct {
	ch   chan os.Signal
	pipe chan os.Signal // SIGPIPE, which is nobody's to read
	once sync.Once
}

// The signals that are passed on to the child.
var passed = []os.Signal{
	unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH,
	unix.SIGTSTP, unix.SIGCONT,
}

// CatchSignals begins to hold signals. One that this process was told to ignore,
// as by nohup, stays ignored, here and in the child.
//
// SIGPIPE is held and goes nowhere: else a line written to a reader that is gone
// would end this process with files still delivered. The child has it as ever.
func CatchSignals() *Signals {
	s := &Signals{ch: make(chan os.Signal, 64), pipe: make(chan os.Signal, 1)}
	for _, sig := range passed {
		if !signal.Ignored(sig) {
			signal.Notify(s.ch, sig)
		}
	}
	if !signal.Ignored(unix.SIGPIPE) {
		signal.Notify(s.pipe, unix.SIGPIPE)
	}
	return s
}

// Stop gives the signals their usual effect again.
func (s *Signals) Stop() {
	s.once.Do(func() {
		signal.Stop(s.ch)
		signal.Stop(s.pipe)
	})
}

// pending says whether a signal already asked to end, and with which code.
func (s *Signals) pending() (int, bool) {
	for {
		select {
		case sig := <-s.ch:
			switch sig {
			case unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT:
				return exitSignal + int(sig.(syscall.Signal)), true
			}
		default:
			return 0, false
		}
	}
}

// follow passes signals on until the child ends, and gives its exit code.
func (s *Signals) follow(p *os.Process) (int, error) {
	done := make(chan unix.WaitStatus, 1)
	stopped := make(chan struct{})
	go wait(p.Pid, done, stopped)
	defer func() { _ = p.Release() }()
	for {
		select {
		case sig := <-s.ch:
			s.pass(p, sig.(syscall.Signal))
		case <-stopped:
			stopToo()
		case st := <-done:
			return exitOf(st), nil
		}
	}
}

// stopToo stops this process after its child, since it is this one that the
// shell waits for and continues. Without a shell that could, it goes on. The
// child is continued by SIGCONT being passed on, never from here: this thread
// may run on for a moment after the call, and a child that is continued while
// the shell has the terminal again steals from its input.
func stopToo() {
	if !orphaned() {
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
	}
}

// orphaned says whether nobody does job control for this process's group: its
// parent is of the same group, or of another session.
func orphaned() bool {
	parent := os.Getppid()
	group, err := unix.Getpgid(parent)
	if err != nil || group == unix.Getpgrp() {
		return true
	}
	session, err := unix.Getsid(parent)
	own, ownErr := unix.Getsid(0)
	return err != nil || ownErr != nil || session != own
}

// pass passes a signal on. The terminal sends its own signals to the whole
// foreground group, so the child has them already.
func (s *Signals) pass(p *os.Process, sig syscall.Signal) {
	switch sig {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGWINCH, unix.SIGTSTP:
		if inForeground() {
			return
		}
	}
	_ = p.Signal(sig)
}

// inForeground says whether this process shares its group with the terminal's
// foreground job.
func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	pgrp, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && pgrp == unix.Getpgrp()
}

// wait reports each stop of the child and its end.
func wait(pid int, done chan<- unix.WaitStatus, stopped chan<- struct{}) {
	for {
		var st unix.WaitStatus
		_, err := unix.Wait4(pid, &st, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // never for a child of ours; no exit code is known
			done <- unix.WaitStatus(ExitFailed << 8)
			return
		case st.Stopped():
			// Reading from or writing to the terminal in the background stops
			// the whole group, this process included.
			if by := st.StopSignal(); by == unix.SIGTSTP || by == unix.SIGSTOP {
				stopped <- struct{}{}
			}
		default:
			done <- st
			return
		}
	}
}

func exitOf(st unix.WaitStatus) int {
	if st.Signaled() {
		return exitSignal + int(st.Signal())
	}
	return st.ExitStatus()
}
