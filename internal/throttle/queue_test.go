package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// A stranger tried made-up keys on many connections, and with that the allowance
// of all was used up. They wait behind each other now, and nobody waits for them.
func TestAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := throttle.NewQueue(throttle.QueueConfig{All: 3, OfKey: 2, Longest: time.Hour})
		entered := make(chan func(), 100)
		for range 50 {
			go func() {
				leave, err := q.Enter(t.Context(), "stranger")
				if err != nil {
					t.Error(err)
				}
				entered <- leave
			}()
		}
		synctest.Wait()
		if len(entered) != 2 {
			t.Fatalf("%d of one key are in, want 2", len(entered))
		}
		leave, err := q.Enter(t.Context(), "other")
		if err != nil || len(entered) != 2 {
			t.Fatalf("another key: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := q.Enter(ctx, "third"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a fourth is in, or %v", err)
		}
		leave()
		for range 50 {
			(<-entered)()
		}
		synctest.Wait()
		if q.Keys() != 0 {
			t.Errorf("%d keys are kept", q.Keys())
		}
	})
}

// What is asked does not answer: nobody waits for ever, and no place is lost.
func TestAQueueThatDoesNotMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := throttle.NewQueue(throttle.QueueConfig{All: 2, OfKey: 1, Longest: 3 * time.Second})
		first, err := q.Enter(t.Context(), "0")
		if err != nil {
			t.Fatal(err)
		}
		second, err := q.Enter(t.Context(), "1")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for n := range 3 { // of one key, of the other, and of one that has nobody in
			if _, err := q.Enter(t.Context(), fmt.Sprint(n)); core.CodeOf(err) != core.Unavailable {
				t.Errorf("key %d: %v", n, err)
			}
		}
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("three waited %s, want 9 s", took)
		}
		first()
		second()
		for n := range 10 {
			leave, err := q.Enter(t.Context(), fmt.Sprint(n%3))
			if err != nil {
				t.Fatal(err)
			}
			leave()
		}
	})
}
