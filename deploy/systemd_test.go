//go:build deploy

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The unit must be one that systemd takes without a word, and that it calls well
// kept: its own score of exposure, from 0 to 100.
func TestUnit(t *testing.T) {
	analyze := needs(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	b, err := os.ReadFile("systemd/keyfob.service")
	if err != nil {
		t.Fatal(err)
	}
	// verify wants the program to be there.
	text := strings.ReplaceAll(string(b), "/usr/bin/keyfob", "/bin/true")
	unit := write(t, filepath.Join(dir, "keyfob.service"), text)
	for _, dropIn := range []string{"", "vault-key.conf", "low-port.conf"} {
		if dropIn != "" {
			d := filepath.Join(dir, "keyfob.service.d")
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile("systemd/" + dropIn)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(d, dropIn), string(b))
		}
		out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
		if err != nil || strings.Contains(string(out), "keyfob.service") {
			t.Errorf("with %q: %v\n%s", dropIn, err, out)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "keyfob.service.d")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=15", "--no-pager", unit).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
