//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyfob/internal/core"
)

func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A pipe that nobody wrote was waited for, and /dev/zero read, for ever.
func TestWhatIsNoFileIsNotReadForEver(t *testing.T) {
	for key, of := range map[string]func(*Server, string){
		"proxy_secret_file": func(s *Server, path string) { s.ProxySecretFile = path },
		"tls_client_ca":     func(s *Server, path string) { s.TLSClientCA = path },
		"tls_key":           func(s *Server, path string) { s.TLSCert, s.TLSKey = "/dev/null", path },
		"ci":                func(s *Server, path string) { s.Launchers = []Launcher{{Name: "ci", KeyFile: path, source: "ci"}} },
	} {
		for _, path := range []string{pipe(t), "/dev/zero", t.TempDir()} {
			s := Default()
			of(&s, path)
			var bad faults
			if _, err := s.Check(); err != nil {
				bad = err.(*core.Error).Details
			}
			if len(bad) != 1 || bad[0].Field != key || !strings.Contains(bad[0].Message, "is not a file") {
				t.Errorf("%s at %s: %+v", key, path, bad)
			}
		}
	}
}

func TestConfigurationFromAPipe(t *testing.T) {
	silent, written := pipe(t), pipe(t)
	_, err := readFile(silent, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "nothing whole came from") {
		t.Errorf("a pipe that nobody writes: %v", err)
	}
	release, err := os.OpenFile(silent, os.O_RDWR, 0) // the reading that still waits ends
	if err != nil {
		t.Fatal(err)
	}
	_ = release.Close()
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(written, []byte("log_format: text\n"), 0o600) }()
	s, err := Load(written, nil, nil)
	if err != nil || s.LogFormat != "text" {
		t.Errorf("a pipe: %v, %q", err, s.LogFormat)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := Load("/dev/zero", nil, nil); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("/dev/zero: %v", err)
	}
	if _, err := Load("/dev/null", nil, nil); err != nil {
		t.Error(err)
	}
}
