// Package cli is the keyfob command: flags, prompts and tables over package
// client. It knows no use case and no driver; without a server the client's
// requests are answered in process by package app.
package cli

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"keyfob/internal/app"
)

// Env is everything of the process that a command may touch, and what the
// global flags said. One Env serves one Main.
type Env struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // "NAME=VALUE", as os.Environ gives them

	// The global flags, valid once a command runs.
	Output  string // OutputText or OutputJSON
	CAFile  string // further certificate authorities for upstreams, PEM; empty: the system's alone
	NoColor bool
	Local   bool // this machine's vault, though signed in to a server
	Org     bool // of commands that know it: the organisation's records

	app  *app.App // open since the first Open
	srv  *server  // known since it was first asked for; nil: this machine's vault
	lost error    // the first failure of Printf
}

// The forms that --output takes.
const (
	OutputText = "text"
	OutputJSON = "json"
)

// OSEnv is the Env of this process.
func OSEnv() *Env {
	return &Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
}

// Getenv is the variable's value, or "". As in a shell the last setting counts.
func (e *Env) Getenv(name string) string {
	v, _ := e.LookupEnv(name)
	return v
}

// LookupEnv also says whether the variable is set at all.
func (e *Env) LookupEnv(name string) (string, bool) {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(e.Environ[i], "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// IsTerminal says whether f, one of the Env's streams, is a terminal.
func IsTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Interactive says whether a question can be asked: it goes to Stderr, the
// answer comes from Stdin, and both must be terminals.
func (e *Env) Interactive() bool { return IsTerminal(e.Stdin) && IsTerminal(e.Stderr) }

// JSON says whether data and errors are to be printed as JSON.
func (e *Env) JSON() bool { return e.Output == OutputJSON }
