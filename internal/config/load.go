package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"keyfob/internal/core"
)

// FileVariable names the configuration file where no flag does.
const FileVariable = "KEYFOB_CONFIG"

// Load gives the configuration from a file, the environment and flags; of two
// that say something the later one counts. file "" is the one that the
// environment names, or none. environ is as os.Environ gives it; flags are texts
// by key, only of those that were given.
//
// The error is of code invalid, with a detail for each fault; its field is
// where the fault is, such as keyfob.yaml:3.
func Load(file string, environ []string, flags map[string]string) (Server, error) {
	s := Default()
	s.source = map[string]string{}
	var bad faults
	if file == "" {
		file = lookup(environ, FileVariable)
	}
	if file != "" {
		text, err := readFile(file, pipeTime)
		if err != nil {
			return s, err
		}
		s.file = file
		bad = append(bad, parseFile(&s, file, text)...)
	}
	bad = append(bad, fromEnvironment(&s, environ)...)
	for _, e := range table() {
		if text, ok := flags[e.Key]; ok {
			bad.put(&s, e, text, "--"+e.Flag())
		}
	}
	bad = append(bad, s.check(len(bad) == 0)...)
	return s, bad.err()
}

// faults is everything wrong at once.
type faults []core.Detail

func (f *faults) add(where, format string, args ...any) {
	*f = append(*f, core.Detail{Field: where, Message: fmt.Sprintf(format, args...)})
}

func (f *faults) put(s *Server, e entry, text, where string) {
	if err := put(e.in(s), text); err != nil {
		f.add(where, "%s %s", e.Key, messageOf(err))
		return
	}
	s.source[e.Key] = where
}

// err is nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	e := core.Errorf(core.Invalid, "the server's configuration cannot be").WithReason("configuration")
	e.Details = f
	return e.WithHint("keyfob serve --check tells what is wrong and starts nothing; docs/operations.md has examples")
}

func messageOf(err error) string {
	if e, ok := err.(*core.Error); ok { //nolint:errorlint // put makes it and nothing wraps it
		return e.Message
	}
	return "cannot be read"
}

// fromEnvironment takes the settings' variables. One that is close to a
// setting's, and nobody else's, is a slip that must not go unnoticed.
func fromEnvironment(s *Server, environ []string) (bad faults) {
	known := map[string]entry{}
	var names []string
	for _, e := range table() {
		known[e.Env()] = e
		names = append(names, e.Env())
	}
	for _, kv := range environ {
		name, text, _ := strings.Cut(kv, "=")
		if e, ok := known[name]; ok {
			if text != "" {
				bad.put(s, e, text, name)
			}
			continue
		}
		if strings.HasPrefix(name, "KEYFOB_") && !slices.Contains(others(), name) {
			if near := Nearest(name, names); near != "" {
				bad.add(name, "there is no such variable; %s is meant?", near)
			}
		}
	}
	return bad
}

// others are variables of ours that are no settings.
func others() []string {
	return []string{FileVariable, "KEYFOB_HOME", "KEYFOB_URL", "KEYFOB_SERVER", "KEYFOB_TOKEN", "KEYFOB_LOCAL", "KEYFOB_CA_FILE", "KEYFOB_WORKSPACE", "KEYFOB_SESSION_KEY", "KEYFOB_GATEWAY_KEY", "KEYFOB_VAULT_KEY"}
}

// Nearest is the candidate that a slip of the pen away from word, or "".
func Nearest(word string, candidates []string) string {
	best, distance := "", max(2, len(strings.TrimPrefix(word, "KEYFOB_"))/3)+1
	for _, c := range candidates {
		if d := levenshtein.Distance(word, c, nil); d < distance {
			best, distance = c, d
		}
	}
	return best
}

func lookup(environ []string, name string) (value string) {
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// maxFile bounds the configuration file, in bytes.
const maxFile = 1 << 20

// pipeTime is how long whoever writes a pipe may take.
const pipeTime = 10 * time.Second

// readFile also takes a pipe, which a shell makes of <(…), for as long as within.
func readFile(path string, within time.Duration) ([]byte, error) {
	type reading struct {
		b   []byte
		err error
	}
	done := make(chan reading, 1)
	go func() {
		b, err := bounded(path)
		done <- reading{b, err}
	}()
	select {
	case r := <-done:
		return r.b, unreadable(path, r.b, r.err)
	case <-time.After(within):
		return nil, core.Errorf(core.Invalid, "nothing whole came from %s within %s", path, durationText(within)).
			WithReason("configuration").WithHint("name a file, or a pipe that somebody writes and closes")
	}
}

func unreadable(path string, b []byte, err error) error {
	if err != nil {
		return core.Errorf(core.Invalid, "the configuration file %s cannot be read", path).
			WithReason("configuration").WithHint("check that it is there and that you may read it").Wrap(err)
	}
	if len(b) > maxFile {
		return core.Errorf(core.Invalid, "%s is larger than 1 MiB", path).WithHint("is it the configuration file?")
	}
	return nil
}

// Line is one setting as it is in effect.
type Line struct{ Key, Value, From string }

// Lines is every setting and where its value comes from: a flag, a variable, a
// line of the file, or "default".
func (s Server) Lines() []Line {
	var out []Line
	for _, e := range table() {
		from := s.source[e.Key]
		if from == "" {
			from = "default"
		}
		out = append(out, Line{e.Key, textOf(e.in(&s)), from})
	}
	return out
}
