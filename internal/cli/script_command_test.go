package cli_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"keyfob/keyfobtest"
)

// The keys of the script's provider.
const (
	goodKey  = "sk-ant-api03-canary-good-0123456789abcdef0123456789abcdef"
	otherKey = "sk-ant-api03-canary-other-fedcba9876543210fedcba9876543210"
)

type (
	providerKey struct{}
	lockKey     struct{}
)

// writeLock is the database's, while a script holds it.
type writeLock struct{ release func() }

func startProvider(env *testscript.Env) (*keyfobtest.Provider, error) {
	p, err := keyfobtest.StartProvider(keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: goodKey}, {Name: "personal", Key: otherKey},
	}})
	if err == nil {
		env.Defer(func() { _ = p.Close() })
	}
	return p, err
}

var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":    cmdExits,
	"json":     cmdJSON,
	"sql":      cmdSQL,
	"lock":     cmdLock,
	"unlock":   cmdUnlock,
	"provider": cmdProvider,
	"browser":  cmdBrowser,
}

// cmdExits is "exits CODE COMMAND…": the command ends with exactly this code and,
// where keyfob itself fails, with a hint.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	got := 0
	run := func() error { return ts.Exec(args[1], args[2:]...) }
	if takesBrowser(strings.Join(args, " ")) {
		exec := run
		run = func() error { return byBrowser(ts, exec) }
	}
	if err := run(); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if got != 0 && failedItself(args[1:], got) {
		wantHint(ts)
	}
}

// takesBrowser says whether a command waits, at a server, for a browser.
func takesBrowser(command string) bool {
	return strings.Contains(command, "reveal") || strings.Contains(command, "--lasting")
}

// failedItself says whether keyfob failed, and not what it ran or checked.
func failedItself(command []string, code int) bool {
	switch {
	case command[0] != "keyfob" || len(command) > 1 && command[1] == "doctor":
		return false
	case len(command) > 1 && command[1] == "run":
		return code >= 125 && code <= 127
	}
	return true
}

// wantHint fails unless the error says what to do: every one does, in text and
// in JSON.
func wantHint(ts *testscript.TestScript) {
	stderr := ts.ReadFile("stderr")
	if !strings.Contains(stderr, "\nhint: ") && !strings.Contains(stderr, `"hint":"`) {
		ts.Fatalf("no hint in: %s", stderr)
	}
}

// cmdJSON is "json FILE PATH VALUE": the value at the dotted path, as text. "len"
// is the length of a list.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	got := fmt.Sprint(at(v, strings.Split(args[1], ".")))
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q, want (not: %v) %q", args[1], got, neg, args[2])
	}
}

func at(v any, path []string) any {
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			i, err := strconv.Atoi(p)
			switch {
			case p == "len":
				v = len(x)
			case err == nil && i < len(x):
				v = x[i]
			default:
				return nil
			}
		default:
			return nil
		}
	}
	return v
}

func database(ts *testscript.TestScript) *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("VAULT_HOME"), "keyfob.db"))
	ts.Check(err)
	return db
}

func openDatabase(t *testing.T, home string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(home, "keyfob.db"))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// cmdSQL is "sql STATEMENT": somebody changes the database past Keyfob.
func cmdSQL(ts *testscript.TestScript, _ bool, args []string) {
	db := database(ts)
	defer db.Close()
	_, err := db.Exec(args[0])
	ts.Check(err)
}

// cmdLock holds the database's write lock until unlock.
func cmdLock(ts *testscript.TestScript, _ bool, _ []string) {
	db := database(ts)
	conn, err := db.Conn(context.Background())
	ts.Check(err)
	_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	ts.Check(err)
	lock := ts.Value(lockKey{}).(*writeLock)
	lock.release = func() { _ = conn.Close(); _ = db.Close() }
	ts.Defer(func() { cmdUnlock(ts, false, nil) })
}

func cmdUnlock(ts *testscript.TestScript, _ bool, _ []string) {
	lock := ts.Value(lockKey{}).(*writeLock)
	if lock.release != nil {
		lock.release()
		lock.release = nil
	}
}

// cmdProvider is "provider KEY ok|limited|dead|overloaded": what requests with
// this key are answered from now on.
func cmdProvider(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(providerKey{}).(*keyfobtest.Provider)
	b, ok := map[string]keyfobtest.Behaviour{
		"ok": keyfobtest.OK(), "limited": keyfobtest.RateLimited(time.Hour),
		"dead": keyfobtest.Unauthorized(), "overloaded": keyfobtest.Overloaded(),
	}[args[1]]
	if !ok {
		ts.Fatalf("unknown behaviour %s", args[1])
	}
	p.Set(args[0], b)
}
