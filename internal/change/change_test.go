package change

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

func open(t *testing.T, path string) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func newStore(t *testing.T) (st store.Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyfob.db")
	return open(t, path), path
}

// put makes secrets with these ids in one transaction.
func put(t *testing.T, st store.Store, ids ...string) {
	t.Helper()
	err := st.Update(context.Background(), func(tx store.Tx) error {
		for _, id := range ids {
			s := core.SealedSecret{Secret: core.Secret{ID: id, Owner: core.Local, Name: id, Version: 1, ValueVersion: 1}, Ciphertext: []byte{1}}
			if err := tx.Secrets().Create(context.Background(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, f *Feed) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// next waits for a batch; the test's own time limit ends a wait in vain.
func next(t *testing.T, ch <-chan []core.Change) []core.Change {
	t.Helper()
	got, open := <-ch
	if !open {
		t.Fatal("the channel is closed")
	}
	return got
}

func ids(batch []core.Change) (out []string) {
	for _, c := range batch {
		out = append(out, c.ID)
	}
	return out
}

func TestFeed(t *testing.T) {
	st, path := newStore(t)
	put(t, st, "before")
	f := New(st, time.Millisecond)
	ch, _ := f.Subscribe()
	run(t, f)
	if got := next(t, ch); got != nil {
		t.Fatalf("at the start %v, want reload", got)
	}
	put(t, st, "a", "b")
	if got := fmt.Sprint(ids(next(t, ch))); got != "[a b]" {
		t.Errorf("changes %s", got)
	}
	put(t, open(t, path), "c") // as another process does
	if got := next(t, ch); len(got) != 1 || got[0].ID != "c" || got[0].Kind != "secret" || got[0].Owner != core.Local {
		t.Errorf("changes %v", got)
	}
}

func TestFeedPollsByItself(t *testing.T) {
	st, path := newStore(t)
	f := New(st, time.Millisecond)
	ch, _ := f.Subscribe()
	run(t, f)
	next(t, ch)
	put(t, open(t, path), "a")
	if got := fmt.Sprint(ids(next(t, ch))); got != "[a]" {
		t.Errorf("changes %s", got)
	}
}

func TestSlowSubscriberGetsThemTogetherOrReloads(t *testing.T) {
	f := New(nil, 0)
	slow, _ := f.Subscribe()
	batch := func(n int) []core.Change { return make([]core.Change, n) }
	f.publish(batch(1), true, nil)
	f.publish(batch(2), true, nil)
	if got := next(t, slow); len(got) != 3 {
		t.Errorf("%d changes, want 3", len(got))
	}
	f.publish(batch(maxPending), true, nil)
	f.publish(batch(1), true, nil)
	f.publish(batch(1), true, nil)
	if got := next(t, slow); got != nil {
		t.Errorf("%d changes, want reload", len(got))
	}
	f.publish(nil, true, nil)
	f.publish(batch(1), true, nil)
	if got := next(t, slow); got != nil {
		t.Error("a reload got lost")
	}
	f.publish(nil, false, nil)
	select {
	case got := <-slow:
		t.Errorf("nothing new, and yet %v", got)
	default:
	}
}

func TestCancel(t *testing.T) {
	f := New(nil, 0)
	ch, cancel := f.Subscribe()
	cancel()
	cancel()
	if _, open := <-ch; open {
		t.Error("the channel is open")
	}
	f.publish(nil, true, nil)
}

// What the log does not hold news more, or is more than one reading, is a reload.
func TestGapsAreReloads(t *testing.T) {
	st, _ := newStore(t)
	p := poller{store: st}
	poll := func() ([]core.Change, bool) {
		t.Helper()
		changes, news, err := p.poll(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		return changes, news
	}
	if changes, news := poll(); changes != nil || !news {
		t.Error("the first reading is no reload")
	}
	if _, news := poll(); news {
		t.Error("nothing new is told")
	}
	put(t, st, "a", "b")
	p.seq = -5 // as if the log began later than what was seen
	if changes, news := poll(); changes != nil || !news {
		t.Errorf("a gap gives %v", changes)
	}
	put(t, st, "c")
	if changes, _ := poll(); len(changes) != 1 {
		t.Errorf("after a gap %v", changes)
	}
	p.seq += 10 // as if an older store had been put back
	if changes, news := poll(); changes != nil || !news {
		t.Errorf("a log that went back gives %v", changes)
	}
	many := make([]string, batch+1)
	for i := range many {
		many[i] = fmt.Sprint("m", i)
	}
	put(t, st, many...)
	if changes, news := poll(); changes != nil || !news {
		t.Errorf("more than one reading gives %d", len(changes))
	}
}

// Without a new version the log is not read.
func TestVersionIsAskedFirst(t *testing.T) {
	st, path := newStore(t)
	other := open(t, path)
	p := poller{store: st}
	if _, _, err := p.poll(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, news, err := p.poll(t.Context(), false); news || err != nil {
		t.Errorf("nothing new: %v, %v", news, err)
	}
	put(t, other, "a")
	if changes, news, err := p.poll(t.Context(), false); len(changes) != 1 || !news || err != nil {
		t.Errorf("%v, %v, %v", changes, news, err)
	}
	put(t, st, "b") // this process's own commits show too
	if changes, _, err := p.poll(t.Context(), false); len(changes) != 1 || err != nil {
		t.Errorf("%v, %v", changes, err)
	}
}

func TestErrTellsOfAStoreThatIsAway(t *testing.T) {
	st, _ := newStore(t)
	f := New(st, time.Millisecond)
	ch, _ := f.Subscribe()
	run(t, f)
	next(t, ch)
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	_ = st.Close()
	for f.Err() == nil {
		runtime.Gosched()
	}
	if core.CodeOf(f.Err()) != core.Unavailable {
		t.Errorf("error %v", f.Err())
	}
}
