package throttle_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// Somebody tries what cannot be guessed, as quick as they can: the work that it
// makes is bounded, and each of them hears the answer all the same.
func TestAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := throttle.NewPace(throttle.PaceConfig{Burst: 10, Every: 100 * time.Millisecond})
		began := time.Now()
		for n := range 30 {
			if _, err := p.Turn(t.Context(), "a"); err != nil {
				t.Fatalf("turn %d: %v", n, err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("30 turns took %s, want 2 s", took)
		}
		if _, err := p.Turn(t.Context(), "b"); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("another one waits too, or %v", err)
		}
		time.Sleep(time.Hour)
		began = time.Now()
		for range 10 {
			_, _ = p.Turn(t.Context(), "a")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("after a while ten take %s", took)
		}
	})
}

// Who finds what they look for uses up no turn.
func TestTurnsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := throttle.NewPace(throttle.PaceConfig{Burst: 2, Every: time.Second})
		began := time.Now()
		for range 100 {
			back, err := p.Turn(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			back()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
	})
}

// Many at once wait in line; the line has an end, and nobody waits in it for
// somebody who went away.
func TestALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := throttle.NewPace(throttle.PaceConfig{Burst: 1, Every: time.Second, Longest: 3 * time.Second})
		var wg sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		for range 10 {
			wg.Go(func() {
				_, err := p.Turn(t.Context(), "a")
				if core.CodeOf(err) == core.Exhausted {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if refused != 6 {
			t.Errorf("%d were refused, want 6", refused)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Turn(ctx, "a"); err == nil {
			t.Error("a turn at once")
		}
		began := time.Now()
		if _, err := p.Turn(t.Context(), "a"); err != nil || time.Since(began) > time.Second {
			t.Errorf("after one that went away: %v, %s", err, time.Since(began))
		}
	})
}

// An attacker has many addresses: what is kept of them is bounded.
func TestAPaceOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := throttle.NewPace(throttle.PaceConfig{Burst: 5, Every: time.Second, Keys: 10, Longest: time.Hour})
		for n := range 15 { // five share one turn
			if _, err := p.Turn(t.Context(), fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if _, err := p.Turn(t.Context(), "more"); err != nil || time.Since(began) != time.Second {
			t.Errorf("one more: %v after %s", err, time.Since(began))
		}
		time.Sleep(time.Minute)
		began = time.Now()
		if _, err := p.Turn(t.Context(), "new"); err != nil || time.Since(began) != 0 {
			t.Errorf("once they are quiet: %v after %s", err, time.Since(began))
		}
	})
}
