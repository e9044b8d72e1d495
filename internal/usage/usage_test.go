package usage_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/usage"
)

func open(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "keyfob.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func one(model string) core.Usage {
	return core.Usage{
		UsageKey: core.UsageKey{Owner: core.Local, AccountID: "acc", Model: model, Workspace: "w", Day: time.Now().UTC().Format(time.DateOnly)},
		Requests: 1, Rotations: 2, Errors: 3, InputTokens: 4, OutputTokens: 5, Unreported: 6,
	}
}

func read(t *testing.T, st store.Store) map[string]core.Usage {
	t.Helper()
	list, err := usage.Read(t.Context(), guard.New(st, "here"), core.LocalUser, time.Now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]core.Usage{}
	for _, u := range list {
		out[u.Model] = u
	}
	return out
}

func times(u core.Usage, n int64) core.Usage {
	u.Requests, u.Rotations, u.Errors, u.InputTokens, u.OutputTokens, u.Unreported = u.Requests*n, u.Rotations*n, u.Errors*n, u.InputTokens*n, u.OutputTokens*n, u.Unreported*n
	return u
}

func TestCountsAddUp(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				c.Add(one("m"))
			}
		})
		wg.Go(func() {
			if err := c.Flush(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c.Add(one("n"))
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := read(t, st)
	if got["m"] != times(one("m"), 200) || got["n"] != one("n") {
		t.Errorf("counts %+v", got)
	}
}

func TestFailedFlushLosesNothing(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	c.Add(one("m"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Flush(gone); err == nil {
		t.Fatal("a flush with a context that has ended went well")
	}
	c.Add(one("m"))
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, st)["m"]; got != times(one("m"), 2) {
		t.Errorf("counts %+v", got)
	}
}

func TestRunFlushesAtTheEnd(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx, time.Hour) }()
	c.Add(one("m"))
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := read(t, st)["m"]; got != one("m") {
		t.Errorf("counts %+v", got)
	}
}

func TestRunTellsOfALastFlushThatFailed(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	c.Add(one("m"))
	_ = st.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx, time.Hour); core.CodeOf(err) != core.Unavailable {
		t.Errorf("error %v", err)
	}
}

// Clients choose the names of models, so they cannot be let to fill the memory
// while the store is away.
func TestKeysAreBounded(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	for i := range 16389 {
		u := one("m")
		u.AccountID = fmt.Sprint("acc", i)
		c.Add(u)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := int64(0)
	list, err := usage.Read(t.Context(), guard.New(st, "here"), core.LocalUser, time.Now().Add(-48*time.Hour))
	for _, u := range list {
		if u.Model == usage.OtherModel {
			other += u.Requests
		}
	}
	if err != nil || other != 5 || len(list) != 16389 {
		t.Errorf("%d counts, other %d, %v", len(list), other, err)
	}
}

// A client asked for a model of another name each time. Every flush wrote them
// all, so a client could fill the disk, and with it what reads the counts.
func TestNamesOfModelsAreBounded(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	for i := range 600 {
		c.Add(one(fmt.Sprint("m", i)))
		if i%100 == 99 {
			if err := c.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Add(one("m0"))
	tomorrow := one("m599")
	tomorrow.Day = time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	c.Add(tomorrow)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := read(t, st)
	if got[usage.OtherModel].Requests != 600-256 || got["m0"].Requests != 2 || got["m599"].Requests != 1 || len(got) != 256+2 {
		t.Errorf("%d models, other %+v", len(got), got[usage.OtherModel])
	}
}

func TestReadAsksTheGuard(t *testing.T) {
	st := open(t)
	_, err := usage.Read(t.Context(), guard.New(st, "here"), core.Actor{Kind: core.WorkspaceActor, ID: "w", Owner: core.Local}, time.Time{})
	if core.CodeOf(err) != core.Forbidden {
		t.Errorf("error %v", err)
	}
}
