//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"testing"

	"keyfob/internal/built"
)

// insideVar says to the second start of this test binary that it is in the
// namespace; its value is the program to test.
const insideVar = "KEYFOB_E2E_PROGRAM"

// TestMain builds the program where there is a network, then starts itself once
// more where there is none: tests, provider, program and clients all run there.
func TestMain(m *testing.M) {
	if os.Getenv(insideVar) != "" {
		os.Exit(insideMain(m))
	}
	code, err := outsideMain()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func outsideMain() (int, error) {
	dir, err := os.MkdirTemp("", "keyfob-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program, err := built.Program(dir)
	if err != nil {
		return 1, err
	}
	return again(program)
}

func insideMain(m *testing.M) int {
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: make the network empty:", err)
		return 1
	}
	r, err := startRecorder()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: record look-ups:", err)
		return 1
	}
	recorder = r
	defer r.close()
	return m.Run()
}
