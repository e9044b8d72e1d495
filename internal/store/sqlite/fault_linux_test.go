package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

var platformJobs = map[string]func(context.Context, string) error{
	"full": onFullDisk, "readonly": onReadOnlyMount, "unprivileged": inForeignDir,
}

// isolated runs a job in namespaces of its own, as user uid of them: 0 may
// mount there, any other is bound by file modes even where the tests are run by
// root.
func isolated(t *testing.T, job, path string, uid int, flags uintptr) {
	t.Helper()
	cmd := child(t, job, path)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | flags,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	exit, ran := errors.AsType[*exec.ExitError](err)
	if ran && exit.ExitCode() != exitNotHere {
		t.Fatalf("%v\n%s", err, out)
	}
	if err != nil {
		t.Skipf("SKIPPED %s: this system gives no namespace of its own: %v %s", t.Name(), err, out)
	}
}

func TestFullDisk(t *testing.T) { isolated(t, "full", t.TempDir(), 0, syscall.CLONE_NEWNS) }

func TestReadOnlyMount(t *testing.T) { isolated(t, "readonly", t.TempDir(), 0, syscall.CLONE_NEWNS) }

func TestReadOnlyDirectory(t *testing.T) {
	path := made(t)
	isolated(t, "unprivileged", path, 1000, 0)
}

func expect(err error, code core.Code, reason string) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != code || e.Reason != reason || e.Hint == "" {
		return fmt.Errorf("error is %v (%+v), want %s/%s with a hint", err, e, code, reason)
	}
	return nil
}

// onFullDisk fills a file system of 1 MiB, and frees it again.
func onFullDisk(ctx context.Context, dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		return fmt.Errorf("%w: mount: %w", errNotHere, err)
	}
	path, ballast := filepath.Join(dir, "keyfob.db"), filepath.Join(dir, "ballast")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	var written []string
	write := func(id string, size int) error {
		x := storetest.Secret(id)
		x.Ciphertext = make([]byte, size)
		err := s.Update(ctx, func(tx store.Tx) error { return tx.Secrets().Create(ctx, x) })
		if err == nil {
			written = append(written, id)
		}
		return err
	}
	if err := errors.Join(write("first", 10), s.Writable(ctx), fill(ballast)); err != nil {
		return err
	}
	if err := expect(s.Writable(ctx), core.Unavailable, "disk_full"); err != nil {
		return fmt.Errorf("asked whether it can be written: %w", err)
	}
	if err := expect(write("too much", 600_000), core.Unavailable, "disk_full"); err != nil {
		return fmt.Errorf("a large write: %w", err)
	}
	for n := range 2000 {
		if err = write(fmt.Sprint("small", n), 2000); err != nil {
			break
		}
	}
	if err := expect(err, core.Unavailable, "disk_full"); err != nil {
		return fmt.Errorf("small writes: %w", err)
	}
	if _, err := sqlite.Open(ctx, filepath.Join(dir, "second.db")); err != nil {
		if err := expect(err, core.Unavailable, "disk_full"); err != nil {
			return fmt.Errorf("a new file: %w", err)
		}
	} else {
		return errors.New("a new file on a full disk was made")
	}
	if err := present(ctx, s, written); err != nil {
		return fmt.Errorf("while full: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := errors.Join(s.Writable(ctx), write("after", 1000)); err != nil {
		return fmt.Errorf("after space was freed: %w", err)
	}
	if err := errors.Join(s.Close(), fill(ballast)); err != nil {
		return err
	}
	_, err = sqlite.Open(ctx, path)
	if err := expect(err, core.Unavailable, "disk_full"); err != nil {
		return fmt.Errorf("opening on a full disk: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if s, err = sqlite.Open(ctx, path); err != nil {
		return err
	}
	return errors.Join(present(ctx, s, written), s.Close())
}

func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for err == nil {
		_, err = f.Write(make([]byte, 1024))
	}
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return f.Close()
}

// present says what is missing or too much.
func present(ctx context.Context, s *sqlite.Store, ids []string) error {
	return s.View(ctx, func(tx store.Tx) error {
		list, err := tx.Secrets().List(ctx, core.Local)
		if err == nil && len(list) != len(ids) {
			err = fmt.Errorf("%d secrets, want %d", len(list), len(ids))
		}
		for _, id := range ids {
			_, gerr := tx.Secrets().Get(ctx, core.Local, storetest.Secret(id).Name)
			err = errors.Join(err, gerr)
		}
		return err
	})
}

// onReadOnlyMount opens a file whose file system was made read-only.
func onReadOnlyMount(ctx context.Context, dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		return fmt.Errorf("%w: mount: %w", errNotHere, err)
	}
	path := filepath.Join(dir, "keyfob.db")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Update(ctx, bump(ctx, "s")), s.Close()); err != nil {
		return err
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("%w: remount: %w", errNotHere, err)
	}
	for _, p := range []string{path, filepath.Join(dir, "new.db")} {
		_, err := sqlite.Open(ctx, p)
		if err := expect(err, core.Unavailable, "store_readonly"); err != nil {
			return err
		}
		if !strings.Contains(err.Error(), "read-only file system") {
			return fmt.Errorf("the error does not say why: %w", err)
		}
	}
	return nil
}

// inForeignDir opens a file in a directory that may not be written, and one that
// may not be written itself.
func inForeignDir(ctx context.Context, path string) error {
	dir := filepath.Dir(path)
	for _, modes := range [][2]os.FileMode{{0o500, 0o600}, {0o700, 0o400}, {0o700, 0}} {
		if err := errors.Join(os.Chmod(path, modes[1]), os.Chmod(dir, modes[0])); err != nil {
			return err
		}
		_, err := sqlite.Open(ctx, path)
		if err := errors.Join(os.Chmod(dir, 0o700), expect(err, core.Unavailable, "store_readonly")); err != nil {
			return fmt.Errorf("modes %o: %w", modes, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	return s.Close()
}
