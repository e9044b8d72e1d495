//go:build linux

package attack

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the built keyfob; set by TestMain.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // a flag of package testing: these tests wait more than they work
	dir, err := os.MkdirTemp("", "keyfob-attack-")
	if err == nil {
		program = filepath.Join(dir, "keyfob")
		var out []byte
		out, err = exec.Command("go", "build", "-race", "-o", program, "keyfob/cmd/keyfob").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // the system's temporary directory
	os.Exit(code)
}
