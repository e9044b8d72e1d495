package gateway

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func newTestSpooler(dir string, memory, limit, budget, disk int64) *spooler {
	s := &spooler{dir: dir, memory: memory, limit: limit}
	s.budget.Store(budget)
	s.disk.Store(disk)
	return s
}

// Whatever the sizes and budgets, each reading of a body gives exactly it, and
// nothing is left of it afterwards.
func TestSpoolProperty(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 3*HeadSize).Draw(t, "size")
		sizes := rapid.SampledFrom([]int64{0, 1, 64 << 10, 200 << 10, HeadSize, 500 << 10, 1 << 20})
		memory, limit := sizes.Draw(t, "memory"), sizes.Draw(t, "limit")
		budget, disk := sizes.Draw(t, "budget"), sizes.Draw(t, "disk")
		s := newTestSpooler(dir, memory, limit, budget, disk)
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i*7 + i>>8)
		}
		length := int64(-1)
		if rapid.Bool().Draw(t, "length is known") {
			length = int64(size)
		}
		p, err := s.take(bytes.NewReader(body), length)
		if err != nil {
			t.Fatal(err)
		}
		head, free := p.head()
		if want := body[:min(size, HeadSize)]; !bytes.Equal(head, want) && p.rest == nil {
			t.Fatalf("head of %d bytes, want %d", len(head), len(want))
		}
		free()
		times := 2
		if p.rest != nil {
			times = 1
		}
		for range times {
			r := p.open()
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, body) {
				t.Fatalf("read %d bytes of %d: %v", len(got), size, err)
			}
			if err := errors.Join(r.Close(), r.Close()); err != nil {
				t.Fatal(err)
			}
		}
		p.release()
		if s.budget.Load() != budget || s.disk.Load() != disk {
			t.Fatalf("budget %d of %d, disk %d of %d left", s.budget.Load(), budget, s.disk.Load(), disk)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("%d files are left: %v", len(left), err)
		}
	})
}

func TestSpoolKeepsWhatIsStillRead(t *testing.T) {
	s := newTestSpooler(t.TempDir(), 1<<20, 1<<20, 1<<20, 1<<20)
	p, err := s.take(strings.NewReader("first"), 5)
	if err != nil {
		t.Fatal(err)
	}
	r := p.open()
	p.release() // the handler is done, a transport still reads
	q, err := s.take(strings.NewReader("other"), 5)
	if err != nil {
		t.Fatal(err)
	}
	defer q.release()
	if got, err := io.ReadAll(r); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v", got, err)
	}
	_ = r.Close()
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed body can be read")
	}
}

func TestSpoolShortBody(t *testing.T) {
	s := newTestSpooler(t.TempDir(), 1<<20, 1<<20, 1<<20, 1<<20)
	if _, err := s.take(strings.NewReader("short"), 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want unexpected EOF", err)
	}
	if s.budget.Load() != 1<<20 {
		t.Error("the budget is not given back")
	}
}

// A body that was cut off in the middle was taken for a whole one, and only that
// the client's context had ended by then kept the half from being sent.
func TestSpoolOfABodyCutOff(t *testing.T) {
	for _, length := range []int64{-1, 200 << 10, 2 << 20} {
		s := newTestSpooler(t.TempDir(), 64<<10, 1<<20, 1<<20, 1<<20)
		body := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := s.take(body, length); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("length %d: error %v, want unexpected EOF", length, err)
		}
		if s.budget.Load() != 1<<20 || s.disk.Load() != 1<<20 {
			t.Errorf("length %d: the budget is not given back", length)
		}
	}
}

func TestSpoolWithoutDisk(t *testing.T) {
	s := newTestSpooler(t.TempDir()+"/absent", 64<<10, 1<<20, 1<<20, 1<<20)
	body := strings.Repeat("x", 700<<10)
	p, err := s.take(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.release()
	if p.rest == nil {
		t.Error("the body says it can be sent again")
	}
	r := p.open()
	defer r.Close() //nolint:errcheck // a reader
	if got, err := io.ReadAll(r); err != nil || string(got) != body {
		t.Errorf("read %d bytes of %d: %v", len(got), len(body), err)
	}
}
