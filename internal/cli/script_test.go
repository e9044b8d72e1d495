package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyfob is the binary that the tests run.
var keyfob string

// TestMain builds keyfob once, with the race detector where the platform has a
// C compiler for it. KEYFOB_TEST_BINARY names one that is built already.
func TestMain(m *testing.M) {
	if os.Getenv("KEYFOB_TEST_CLIENT") != "" {
		os.Exit(clientMain())
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyfob-cli-test-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if keyfob, err = buildKeyfob(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func buildKeyfob(dir string) (string, error) {
	if path := os.Getenv("KEYFOB_TEST_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "keyfob")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	args := []string{"build", "-o", path}
	if _, err := exec.LookPath("gcc"); err == nil {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "keyfob/cmd/keyfob")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build keyfob: %w\n%s", err, out)
	}
	return path, nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scriptParams(setupScript, false))
}

func scriptParams(setup func(*testscript.Env) error, server bool) testscript.Params {
	return testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds:  scriptCommands,
		Condition: func(cond string) (bool, error) {
			if cond == "server" { // whether commands act on one
				return server, nil
			}
			return scriptCondition(cond)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	}
}

// setupScript gives each script a home of its own, a provider and its keys.
func setupScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	provider, err := startProvider(env)
	if err != nil {
		return err
	}
	env.Values[providerKey{}] = provider
	env.Values[lockKey{}] = &writeLock{}
	env.Setenv("HOME", home)
	env.Setenv("LocalAppData", home)
	env.Setenv("KEYFOB_HOME", filepath.Join(env.WorkDir, "vault"))
	env.Setenv("VAULT_HOME", filepath.Join(env.WorkDir, "vault"))
	env.Setenv("PATH", filepath.Dir(keyfob)+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("PROVIDER", provider.URL())
	env.Setenv("GOODKEY", goodKey)
	env.Setenv("OTHERKEY", otherKey)
	env.Setenv("CLIENT", os.Args[0])
	env.Setenv("ESCAPES", "red\x1b[31m\nkeyfob: forged")
	// A data race makes an exit code that no script expects. Without a word here
	// each command would wait a second at its end for races yet to come.
	env.Setenv("GORACE", "exitcode=66 atexit_sleep_ms=10")
	return nil
}

func scriptCondition(cond string) (bool, error) {
	switch cond {
	case "namespaces": // whether a private mount namespace can be had
		return exec.Command("unshare", "-m", "true").Run() == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}
