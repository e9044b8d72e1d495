// Package built makes the program that tests and measurements run.
package built

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// RaceFlags are the flags of go build and go test for the race detector. It does
// not watch SQLite's machine code, translated from C: that keeps its data where
// the detector does not look, and watching it would take most of the time.
var RaceFlags = []string{"-race", "-gcflags=modernc.org/...=-race=false"}

// Release builds the program as it is given out, at path: static, and nothing in
// it of the machine that built it. env may name another platform (GOOS, GOARCH).
func Release(path string, env ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", path, "keyfob/cmd/keyfob")
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build keyfob: %w\n%s", err, out)
	}
	return nil
}

// Program builds keyfob below dir and gives its path. Flags are go build's.
func Program(dir string, flags ...string) (string, error) {
	path := filepath.Join(dir, "keyfob")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "keyfob/cmd/keyfob")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build keyfob: %w\n%s", err, out)
	}
	return path, nil
}

// Main is a TestMain's whole work for tests that run the program: it builds it
// into a directory of its own, says where, and runs them. KEYFOB_TEST_BINARY
// names one that is built already.
func Main(m *testing.M, program *string, flags ...string) int {
	if path := os.Getenv("KEYFOB_TEST_BINARY"); path != "" {
		*program, _ = filepath.Abs(path) // fails only without a working directory
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "keyfob-built-*")
	if err == nil {
		defer os.RemoveAll(dir)
		*program, err = Program(dir, flags...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
