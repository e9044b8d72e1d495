//go:build unix

package cli

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestPipeInPlaceOfTheLabelFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), labelFileName)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, func() {
		_, err := readLabels(path)
		refusedLabels(t, path, err)
	})
}

// within fails the test where fn hangs.
func within(t *testing.T, d time.Duration, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatal("it hangs")
	}
}
