package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"keyfob/internal/built"
)

// keyfob is the binary that the tests run.
var keyfob string

// TestMain builds keyfob once, with the race detector where the platform has a
// C compiler for it. KEYFOB_TEST_BINARY names one that is built already.
func TestMain(m *testing.M) {
	if os.Getenv("KEYFOB_TEST_CLIENT") != "" {
		os.Exit(clientMain())
	}
	var flags []string
	if _, err := exec.LookPath("gcc"); err == nil {
		flags = built.RaceFlags
	}
	os.Exit(built.Main(m, &keyfob, flags...))
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
