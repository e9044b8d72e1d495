package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// childVar makes the test binary do one job as a process of its own.
const childVar = "KEYFOB_SQLITE_TEST_CHILD"

// errNotHere says that the system does not allow what a job needs.
var errNotHere = errors.New("not possible on this system")

const exitNotHere = 3

func TestMain(m *testing.M) {
	name, isChild := os.LookupEnv(childVar)
	if !isChild {
		os.Exit(m.Run())
	}
	job := platformJobs[name]
	switch name {
	case "write":
		job = writeForever
	case "lock":
		job = keepLocked
	}
	err := job(context.Background(), os.Args[1])
	switch {
	case errors.Is(err, errNotHere):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitNotHere)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, job, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, path)
	cmd.Env = append(os.Environ(), childVar+"="+job)
	return cmd
}

// writeForever acknowledges each write on a line of its own, after it is
// durable. It never ends by itself.
func writeForever(ctx context.Context, path string) error {
	fmt.Println("start")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	for {
		id := core.NewID("s")
		if err := s.Update(ctx, bump(ctx, id)); err != nil {
			return err
		}
		fmt.Println(id)
	}
}

// bump adds a secret and an audit entry, so half a transaction shows.
func bump(ctx context.Context, id string) func(store.Tx) error {
	return func(tx store.Tx) error {
		head, err := tx.Audit().Head(ctx, "w")
		if err != nil && core.CodeOf(err) != core.NotFound {
			return err
		}
		return errors.Join(tx.Secrets().Create(ctx, storetest.Secret(id)), tx.Audit().Append(ctx, storetest.Entry("w", head.Seq+1)))
	}
}

// writer starts a child that writes, and gives its acknowledgements.
func writer(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := child(t, "write", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "start" {
		t.Fatalf("the writer said %q", lines.Text())
	}
	return cmd, lines
}
