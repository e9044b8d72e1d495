package deliver

import (
	"context"
	"slices"
	"sync"
	"time"

	"keyfob/api"
)

// FilesConfig says where files go and in whose name.
type FilesConfig struct {
	Home      string            // the user's home directory, for paths that begin with "~/"
	State     string            // Keyfob's own directory; the ledger is in deliver/ there
	Process   string            // the holder; "": ThisProcess()
	Overwrite bool              // move a foreign file aside and restore it at the end
	Deadline  time.Duration     // how long Deliver and Close wait for disks; 0: 5 s
	Alive     func(string) bool // nil: Alive
}

const defaultDeadline = 5 * time.Second

// Files delivers one process's files and takes them back. It is safe for
// concurrent use.
type Files struct {
	c    FilesConfig
	book book
	wg   sync.WaitGroup // writes that are under way, late ones too

	mu      sync.Mutex
	closed  bool
	touched bool
	paths   map[string]string // a delivery's path to where it went, while held
	private map[string]string // a delivery's path to its private stand-in
	tools   map[string]ToolVar
}

// NewFiles makes a Files; it does no I/O.
func NewFiles(c FilesConfig) *Files {
	if c.Process == "" {
		c.Process = ThisProcess()
	}
	if c.Deadline == 0 {
		c.Deadline = defaultDeadline
	}
	if c.Alive == nil {
		c.Alive = Alive
	}
	return &Files{c: c, book: bookIn(c.State), paths: map[string]string{}, private: map[string]string{}, tools: map[string]ToolVar{}}
}

// Result is what became of the files: those that were taken back, then those
// that were asked for, in their order; and the variables that point tools at
// files which went elsewhere.
type Result struct {
	Outcomes []api.Outcome
	Tools    []ToolVar
}

// Deliver makes the files of this process exactly these: it writes what is new
// or changed, atomically, and takes back what it had delivered and is not asked
// for any more. No failure of one file stops another; each has its outcome.
// What a disk has not taken by the deadline is late, and may still arrive; Close
// takes it back all the same.
func (f *Files) Deliver(ctx context.Context, in []api.FileDelivery) Result {
	b := newBatch(f, in)
	if len(in) > 0 || f.isTouched() {
		ctx, cancel := context.WithTimeout(ctx, f.c.Deadline)
		defer cancel()
		b.run(ctx)
	}
	return b.result()
}

// Preview says what Deliver would do, and writes nothing.
func (f *Files) Preview(ctx context.Context, in []api.FileDelivery) Result {
	b := newBatch(f, in)
	b.dry = true
	ctx, cancel := context.WithTimeout(ctx, f.c.Deadline)
	defer cancel()
	b.run(ctx)
	return b.result()
}

// Close takes back every file that this process still holds, and says which of
// them it removed or had to keep. What a disk does not answer for by the
// deadline is left to a later Sweep. Afterwards Deliver writes nothing.
func (f *Files) Close(ctx context.Context) []api.Outcome {
	f.mu.Lock()
	f.closed = true
	touched := f.touched
	f.mu.Unlock()
	if !touched {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.c.Deadline)
	defer cancel()
	waitFor(ctx, &f.wg)
	return f.release(ctx, func(string) bool { return true })
}

func waitFor(ctx context.Context, wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (f *Files) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func (f *Files) isTouched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.touched
}

// release takes back what this process holds, where which says so.
func (f *Files) release(ctx context.Context, which func(path string) bool) []api.Outcome {
	l, err := f.book.read()
	if err != nil {
		return []api.Outcome{{Delivery: byFile, State: failed, Why: err.Error()}}
	}
	if l == nil {
		return nil
	}
	var paths []string
	for path, e := range l.Entries {
		if slices.Contains(e.Holders, f.c.Process) && which(path) {
			paths = append(paths, path)
		}
	}
	gone := func(process string) bool { return process == f.c.Process || !f.c.Alive(process) }
	return f.book.takeBackAll(ctx, paths, gone)
}
