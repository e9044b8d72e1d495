package deliver

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"keyfob/internal/core"
)

// Exit codes of run before the child started, as env(1) and timeout(1) have
// them. Afterwards it is the child's own, or 128 and the signal that ended it.
const (
	ExitFailed        = 125 // a failure of Keyfob's own
	ExitNotExecutable = 126
	ExitNotFound      = 127
	exitSignal        = 128
)

// Command is the child to run. It shares the process group, the terminal and
// the working directory with its caller.
type Command struct {
	Args                  []string // the command and its arguments
	Env                   []string // NAME=VALUE
	Stdin, Stdout, Stderr *os.File // inherited as they are; nil: the null device
}

// Run starts the child, passes signals on and waits for it. The exit code is
// always meant to be passed on; the error says why the child did not start, and
// is nil once it did. A signal that came before the start ends Run with 128 and
// its number.
func (c Command) Run(sig *Signals) (int, error) {
	path, code, err := lookPath(c.Args[0], c.Env)
	if err != nil {
		return code, err
	}
	if code, ok := sig.pending(); ok {
		return code, nil
	}
	p, err := c.start(path)
	if err != nil {
		return startError(c.Args[0], err)
	}
	return sig.follow(p)
}

func (c Command) start(path string) (*os.Process, error) {
	files, closeAll, err := orNull(c.Stdin, c.Stdout, c.Stderr)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	var p *os.Process
	err = withChildLimits(func() error {
		p, err = os.StartProcess(path, c.Args, &os.ProcAttr{Env: c.Env, Files: files})
		return err
	})
	return p, err
}

func orNull(in ...*os.File) ([]*os.File, func(), error) {
	var null *os.File
	for i, f := range in {
		if f != nil {
			continue
		}
		if null == nil {
			var err error
			if null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
				return nil, nil, err
			}
		}
		in[i] = null
	}
	return in, func() { _ = null.Close() }, nil
}

func startError(name string, err error) (int, error) {
	e := core.Errorf(core.Invalid, "cannot start %s", name).Wrap(bare(err))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// It was found, so it is its interpreter that is missing.
		e = e.WithHint("does the interpreter in its first line exist?")
	case errors.Is(err, syscall.ENOEXEC):
		e = e.WithHint("it is no program of this machine, or a script without a first line such as #!/bin/sh")
	case errors.Is(err, syscall.E2BIG):
		e = e.WithHint("its arguments and variables are too large together: deliver large secrets as files, or choose some with --only")
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
		return ExitFailed, core.Errorf(core.Unavailable, "cannot start %s", name).WithHint("the machine is out of processes or memory").Wrap(bare(err))
	}
	return ExitNotExecutable, e
}

// bare drops paths and arguments from the system's error.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err
	}
	return err
}

// lookPath finds a command in the child's own PATH. Like exec, it takes a name
// with a separator as it is.
func lookPath(name string, env []string) (string, int, error) {
	if name == "" {
		return "", ExitNotFound, core.Errorf(core.Invalid, "the command is empty").WithHint("write: keyfob run -- COMMAND")
	}
	if runtime.GOOS == "windows" || strings.ContainsRune(name, filepath.Separator) {
		return lookExact(name)
	}
	list, _ := newEnviron(env).get("PATH")
	denied := false
	for _, dir := range filepath.SplitList(list.value) {
		// An empty element is the working directory, by POSIX.
		path := filepath.Join(orDot(dir), name)
		if !strings.ContainsRune(path, filepath.Separator) {
			path = "./" + path
		}
		switch err := executable(path); {
		case err == nil:
			return path, 0, nil
		case errors.Is(err, fs.ErrPermission):
			denied = true
		}
	}
	if denied {
		return "", ExitNotExecutable, notExecutable(name)
	}
	return "", ExitNotFound, core.Errorf(core.NotFound, "%s: command not found", name).WithHint("is it installed, and its directory in PATH?")
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

func lookExact(name string) (string, int, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return path, 0, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return "", ExitNotFound, core.Errorf(core.NotFound, "%s: no such command", name).WithHint("check the path")
	default:
		return "", ExitNotExecutable, notExecutable(name)
	}
}

func notExecutable(name string) error {
	return core.Errorf(core.Invalid, "%s cannot be executed", name).WithHint("is it a file, with its executable bit set?")
}

func executable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir() || st.Mode()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}
