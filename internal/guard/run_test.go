package guard_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/audit/sinkfile"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store/sqlite"
)

// running is a guard whose Run runs in a bubble of time.
type running struct {
	fixture
	sink string // the sink's file
	log  *strings.Builder
	stop func()
}

func timed(t *testing.T, sink func(guard.Sink) guard.Sink, fn func(t *testing.T, r running)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		r := running{fixture: f, sink: filepath.Join(dir, "audit.jsonl"), log: &strings.Builder{}}
		file := sinkfile.New(r.sink)
		t.Cleanup(func() { _ = file.Close() })
		r.Guard = guard.New(f.store, "here", guard.Signed(f.signer), guard.CopiedTo(sink(file)), guard.Logged(slog.New(slog.NewTextHandler(r.log, nil))))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		r.stop = func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		fn(t, r)
		r.stop = nil
		cancel()
		synctest.Wait()
	})
}

func itself(s guard.Sink) guard.Sink { return s }

func TestRunSignsWithinAMinute(t *testing.T) {
	timed(t, itself, func(t *testing.T, r running) {
		time.Sleep(10 * time.Second)
		acts(t, r.Guard, 5) // the first carries a checkpoint
		time.Sleep(59 * time.Second)
		if got := len(r.trail(t)); got != 5 {
			t.Errorf("%d entries before a minute is over", got)
		}
		time.Sleep(3 * time.Second)
		if st := r.Trail(); st.Unsigned != 0 || st.Err != nil || len(r.trail(t)) != 6 {
			t.Errorf("%+v, %q", st, r.trail(t))
		}
		time.Sleep(time.Hour)
		if got := r.trail(t); len(got) != 6 {
			t.Errorf("nobody did anything, and the trail grew: %q", got)
		}
	})
}

func TestRunSignsAndCopiesAtItsEnd(t *testing.T) {
	timed(t, itself, func(t *testing.T, r running) {
		acts(t, r.Guard, 5)
		r.stop()
		if v := r.verify(t); !v.OK() || v.Uncovered != 0 {
			t.Errorf("%+v", v)
		}
		if v := r.check(t, read(t, r.sink)); !v.OK() || v.Uncovered != 0 || v.Chains[0].Entries != 6 {
			t.Errorf("the copy: %+v", v)
		}
	})
}

// Entries of every process reach the sink within about a second, in order and
// once, in batches as in one piece.
func TestRunCopies(t *testing.T) {
	timed(t, itself, func(t *testing.T, r running) {
		other := guard.New(r.store, "there", guard.Signed(r.signer))
		for n := range 5 {
			acts(t, r.Guard, 9*n)
			acts(t, other, 20)
			long := set("x")
			long.Detail = map[string]string{"names": strings.Repeat("n", 200<<10)}
			if err := r.Do(t.Context(), core.LocalUser, long, put(string(rune('a'+n)), 1, "c")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
			if st := r.Trail(); st.Unsent != 0 || st.Err != nil || time.Since(st.SentAt) > 2*time.Second {
				t.Errorf("%+v", st)
			}
		}
		v := r.check(t, read(t, r.sink))
		if !v.OK() || len(v.Chains) != 2 || v.Chains[0].Entries != 95 || v.Chains[1].Entries != 100 {
			t.Errorf("%+v", v)
		}
	})
}

// flaky is a sink that is away while down is set.
type flaky struct {
	guard.Sink
	down atomic.Bool
}

func (f *flaky) Append(ctx context.Context, h audit.Header, lines []byte) error {
	if f.down.Load() {
		return errBoom
	}
	return f.Sink.Append(ctx, h, lines)
}

// While the sink is away acts go on, their entries stay, and how many it lacks
// is known. Afterwards it has them all.
func TestSinkThatIsAway(t *testing.T) {
	sink := &flaky{}
	timed(t, func(s guard.Sink) guard.Sink { sink.Sink = s; return sink }, func(t *testing.T, r running) {
		acts(t, r.Guard, 3)
		time.Sleep(2 * time.Second)
		sink.down.Store(true)
		acts(t, r.Guard, 7)
		time.Sleep(30 * time.Second)
		if st := r.Trail(); st.Unsent != 7 || st.Err == nil || time.Since(st.SentAt) < 29*time.Second {
			t.Errorf("%+v", st)
		}
		sink.down.Store(false)
		time.Sleep(2 * time.Second)
		if st := r.Trail(); st.Unsent != 0 || st.Err != nil {
			t.Errorf("%+v", st)
		}
		if v := r.check(t, read(t, r.sink)); !v.OK() || v.Chains[0].Entries != 10 {
			t.Errorf("%+v", v)
		}
		r.stop()
		r.said(t, `level=ERROR msg="the audit trail cannot be signed or copied" cause="the words of an error"`,
			`level=INFO msg="the audit trail is signed and copied again"`)
	})
}

// said wants just these lines in the log.
func (r running) said(t *testing.T, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("the log is %q", lines)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("line %d of the log is %q, want %s", i+1, lines[i], w)
		}
	}
}

// A cause that becomes another one is said too.
func TestEachCauseIsLogged(t *testing.T) {
	sink := &flaky{}
	timed(t, func(s guard.Sink) guard.Sink { sink.Sink = s; return sink }, func(t *testing.T, r running) {
		acts(t, r.Guard, 1)
		time.Sleep(2 * time.Second)
		sink.down.Store(true)
		acts(t, r.Guard, 1)
		time.Sleep(10*time.Second + time.Millisecond)
		if err := os.Mkdir(r.sink+".d", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Remove(r.sink), os.Rename(r.sink+".d", r.sink)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		sink.down.Store(false)
		time.Sleep(10 * time.Second)
		r.stop()
		r.said(t, `cause="the words of an error"`, `level=ERROR msg="the audit trail cannot be signed or copied" cause="the copy of the audit trail`)
	})
}

// Story: somebody puts back the store of an hour ago, checkpoints and all. The
// store alone cannot show that; the copy does.
func TestRolledBackStoreShowsInTheSink(t *testing.T) {
	var before, path string
	timed(t, itself, func(t *testing.T, r running) {
		acts(t, r.Guard, 40)
		time.Sleep(2 * time.Second)
		before = filepath.Join(filepath.Dir(r.path), "before.db")
		r.trigger(t, `VACUUM INTO '`+before+`'`)
		acts(t, r.Guard, 40)
		time.Sleep(2 * time.Second)
		path = r.sink
		if err := os.Chmod(before, 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := sqlite.Open(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		r.stop()
		old := guard.New(st, "here", guard.Signed(r.signer), guard.CopiedTo(sinkfile.New(path)))
		if v, err := old.Verify(t.Context(), core.LocalUser); err != nil || !v.OK() {
			t.Fatalf("the store alone: %+v, %v", v, err)
		}
		acts(t, old, 3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := old.Run(ctx); err != nil || old.Trail().Err != nil {
			t.Fatal(err, old.Trail().Err)
		}
		v := r.check(t, read(t, path))
		if v.OK() || !strings.Contains(v.Problems[0].Message, "the trail was put back to an earlier state") {
			t.Errorf("%+v", v.Problems)
		}
	})
}

// A store that nobody can write does not end Run.
func TestRunOutlivesFaults(t *testing.T) {
	timed(t, itself, func(t *testing.T, r running) {
		acts(t, r.Guard, 3)
		r.trigger(t, `CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no'); END`)
		time.Sleep(2 * time.Minute)
		if st := r.Trail(); st.Err == nil || st.Unsigned != 2 {
			t.Errorf("%+v", st)
		}
		r.trigger(t, `DROP TRIGGER no_audit`)
		time.Sleep(2 * time.Second)
		if st := r.Trail(); st.Err != nil || st.Unsigned != 0 {
			t.Errorf("%+v", st)
		}
	})
}
