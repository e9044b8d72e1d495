package sinkfile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
)

// source is a trail that lines are taken from, as the guard does.
type source struct {
	signer audit.Signer
	items  []any // core.AuditEntry and core.Checkpoint
}

func newSource(rounds int) *source {
	s := &source{signer: audit.NewSigner(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) })}
	heads := map[string]core.Head{}
	var last core.Checkpoint
	for i := range rounds {
		for _, w := range []string{"a", "b", "a"} {
			e := core.AuditEntry{Writer: w, Seq: heads[w].Seq + 1, At: time.UnixMicro(int64(i + 1)).UTC(), Actor: core.Actor{Kind: core.UserActor, ID: "ann"},
				Action: "x", Subject: strings.Repeat("s", i), Outcome: "ok", Detail: map[string]string{}, PrevHash: heads[w].Hash}
			e.Hash = audit.Hash(e)
			heads[w] = core.Head{Writer: w, Seq: e.Seq, Hash: e.Hash}
			s.items = append(s.items, e)
		}
		last = s.signer.Checkpoint(last, []core.Head{heads["a"], heads["b"]}, time.UnixMicro(int64(i+1)))
		s.items = append(s.items, last)
	}
	return s
}

// after is the first n items behind a position, as lines.
func (s *source) after(at audit.Position, n int) (h audit.Header, lines []byte) {
	h = audit.Header{Kind: audit.KindSink, At: time.UnixMicro(1), PublicKey: s.signer.Public(), After: at.Clone()}
	for _, i := range s.items {
		switch x := i.(type) {
		case core.AuditEntry:
			if n == 0 || x.Seq <= at.Heads[x.Writer].Seq {
				continue
			}
			lines = audit.AppendEntry(lines, x)
		case core.Checkpoint:
			if n == 0 || x.Number <= at.Checkpoint {
				continue
			}
			lines = audit.AppendCheckpoint(lines, x)
		}
		n--
	}
	return h, lines
}

// send copies the next n items, or says why not.
func (s *source) send(f *File, n int) error {
	at, err := f.Position(context.Background())
	if err != nil {
		return err
	}
	h, lines := s.after(at, n)
	return f.Append(context.Background(), h, lines)
}

func (s *source) must(t *testing.T, f *File, n int) {
	t.Helper()
	if err := s.send(f, n); err != nil {
		t.Fatal(err)
	}
}

// whole checks that the files, one after the other, are the trail: each line
// once and in order.
func (s *source) whole(t *testing.T, paths ...string) {
	t.Helper()
	var all []byte
	for _, p := range paths {
		all = append(all, contents(t, p)...)
	}
	v, err := audit.VerifyExport(bytes.NewReader(all), s.signer.Public())
	if err != nil || !v.OK() || v.Uncovered != 0 {
		t.Fatalf("%+v, %v\n%s", v, err, all)
	}
	if got := bytes.Count(all, []byte(`{"entry"`)) + bytes.Count(all, []byte(`{"checkpoint"`)); got != len(s.items) {
		t.Fatalf("%d lines of %d", got, len(s.items))
	}
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func place(t *testing.T) string { return filepath.Join(t.TempDir(), "audit.jsonl") }

func newFile(t *testing.T, path string) *File {
	t.Helper()
	f := New(path)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestAppend(t *testing.T) {
	s, path := newSource(4), place(t)
	f := newFile(t, path)
	for range s.items {
		s.must(t, f, 1)
	}
	s.whole(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if n := bytes.Count(contents(t, path), []byte(`{"keyfob_audit"`)); n != 1 {
		t.Errorf("%d headers", n)
	}
}

// Story: the process is killed in the middle of a write. Whatever part of it
// reached the file, the next process goes on behind the last whole line.
func TestKilledWhileWriting(t *testing.T) {
	s, path := newSource(4), place(t)
	s.must(t, newFile(t, path), len(s.items))
	full := contents(t, path)
	for cut := 0; cut <= len(full); cut++ {
		if cut > 40 && cut < len(full)-40 && full[cut] != '\n' && full[cut-1] != '\n' && cut%97 != 0 {
			continue
		}
		if err := os.WriteFile(path, full[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		f := New(path)
		at, err := f.Position(t.Context())
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		lines := bytes.Count(full[:cut], []byte("\n"))
		if _, rest := s.after(at, 1000); bytes.Count(rest, []byte("\n")) != len(s.items)-max(lines-1, 0) {
			t.Fatalf("cut at %d, behind %d lines: it goes on at %+v", cut, lines, at)
		}
		s.must(t, f, 1000)
		_ = f.Close()
		if got := contents(t, path); !bytes.Equal(got, full) {
			t.Fatalf("cut at %d: the file is another\n%s", cut, got)
		}
	}
}

// A long stretch without a checkpoint is read back through several blocks.
func TestTailOfSeveralBlocks(t *testing.T) {
	s, path := newSource(1), place(t)
	var last core.AuditEntry
	for i := range 3000 {
		e := core.AuditEntry{Writer: "z", Seq: int64(i + 1), At: time.UnixMicro(9).UTC(), Detail: map[string]string{}, PrevHash: last.Hash}
		e.Hash = audit.Hash(e)
		s.items = append(s.items, e)
		last = e
	}
	s.must(t, newFile(t, path), len(s.items))
	at, err := newFile(t, path).Position(t.Context())
	if err != nil || at.Heads["z"].Seq != 3000 || at.Heads["a"].Seq != 2 || at.Checkpoint != 1 {
		t.Errorf("%+v, %v", at, err)
	}
}

func TestRotation(t *testing.T) {
	for name, rotate := range map[string]func(path string) (kept string, err error){
		"renamed": func(path string) (string, error) { return path + ".1", os.Rename(path, path+".1") },
		"copied and truncated": func(path string) (string, error) {
			b, err := os.ReadFile(path)
			return path + ".1", errors.Join(err, os.WriteFile(path+".1", b, 0o600), os.Truncate(path, 0))
		},
		"renamed, and made anew": func(path string) (string, error) {
			return path + ".1", errors.Join(os.Rename(path, path+".1"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := newSource(4), place(t)
			f := newFile(t, path)
			s.must(t, f, 7)
			kept, err := rotate(path)
			if err != nil {
				t.Fatal(err)
			}
			s.must(t, f, 1)
			_ = f.Close() // and another process goes on in the new file
			s.must(t, newFile(t, path), 1000)
			s.whole(t, kept, path)
		})
	}
}

// Without any file the copy is made anew rather than with a hole in it.
func TestRemovedBetweenProcesses(t *testing.T) {
	s, path := newSource(4), place(t)
	s.must(t, newFile(t, path), 7)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.must(t, newFile(t, path), 1000)
	s.whole(t, path)
}

// faulty fails as a disk does.
type faulty struct {
	*os.File
	room       *int64 // bytes that still fit; nil: any
	sync, trim *error
}

func (d faulty) Write(p []byte) (int, error) {
	if d.room == nil || int64(len(p)) <= *d.room {
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:*d.room])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (d faulty) Sync() error { return errors.Join(*d.sync, d.File.Sync()) }

func (d faulty) Truncate(n int64) error {
	if *d.trim != nil {
		return *d.trim
	}
	return d.File.Truncate(n)
}

func newFaulty(t *testing.T, path string) (*File, *faulty) {
	t.Helper()
	var sync, trim error
	d := &faulty{sync: &sync, trim: &trim}
	f := newFile(t, path)
	f.open = func(path string) (disk, error) {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		one := *d
		one.File = file
		return one, err
	}
	return f, d
}

// Story: the disk is full for a while, at every place of a write. Nothing is
// lost, nothing comes twice, and nothing unsynced is taken for copied.
func TestFullDisk(t *testing.T) {
	for room := int64(0); room < 900; room += 83 {
		for _, trims := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %v", room, trims), func(t *testing.T) {
				s, path := newSource(4), place(t)
				f, d := newFaulty(t, path)
				left := room
				d.room = &left
				s.must(t, newFile(t, path), 3)
				if !trims {
					*d.trim = syscall.EIO
				}
				if err := s.send(f, 4); core.CodeOf(err) != core.Unavailable {
					t.Fatalf("a full disk gives %v", err)
				}
				if at, err := f.Position(t.Context()); (err == nil) != trims || trims && at.Heads["a"].Seq != 2 {
					t.Fatalf("then it goes on at %+v, %v", at, err)
				}
				left, *d.trim = 1<<40, nil
				s.must(t, f, 1000)
				s.whole(t, path)
			})
		}
	}
}

// Once a sync has failed, what was written may be gone from the disk though it
// can still be read: it is cut off and written again.
func TestFailedSync(t *testing.T) {
	s, path := newSource(4), place(t)
	f, d := newFaulty(t, path)
	s.must(t, f, 3)
	before := contents(t, path)
	*d.sync = syscall.EIO
	if err := s.send(f, 4); core.CodeOf(err) != core.Unavailable {
		t.Fatalf("a sync that fails gives %v", err)
	}
	if got := contents(t, path); !bytes.Equal(got, before) {
		t.Errorf("what was not synced stays: %s", got)
	}
	*d.trim = syscall.EIO
	if err := s.send(f, 4); core.CodeOf(err) != core.Unavailable {
		t.Fatalf("a sync that fails gives %v", err)
	}
	*d.sync, *d.trim = nil, nil
	s.must(t, f, 1000)
	s.whole(t, path)
}

// A file that holds something else is left alone.
func TestForeignFile(t *testing.T) {
	for _, text := range []string{"notes\n", "notes", `{"keyfob_audit"`[:5] + "x", "{\"keyfob_audit\":1}\n", strings.Repeat("x\n", 100_000)} {
		path := place(t)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := newFile(t, path)
		if _, err := f.Position(t.Context()); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%.20q: %v", text, err)
		}
		if err := f.Append(t.Context(), audit.Header{}, nil); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%.20q: %v", text, err)
		}
		if got := contents(t, path); string(got) != text {
			t.Errorf("%.20q became %.20q", text, got)
		}
	}
}

func TestDirectoryThatIsNotThere(t *testing.T) {
	f := newFile(t, filepath.Join(t.TempDir(), "none", "audit.jsonl"))
	if _, err := f.Position(t.Context()); core.CodeOf(err) != core.Unavailable {
		t.Errorf("%v", err)
	}
}
