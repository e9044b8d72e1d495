package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testVisible(t *testing.T, a, b suite) {
	a.do(t, add(store.Tx.Secrets, Secret("a")))
	same(t, Secret("a"), read(t, b, getSecret(core.Local, "NAME_a")))
	b.do(t, add(store.Tx.Secrets, Secret("b")))
	same(t, Secret("b"), read(t, a, getSecret(core.Local, "NAME_b")))
	same(t, a.after(t, 0, 10), b.after(t, 0, 10))
}

func testVersionAcross(t *testing.T, a, b suite) { versions(t, a, b) }

func testSnapshotAcross(t *testing.T, a, b suite) { snapshot(t, a, b) }

func testStaleAcross(t *testing.T, a, b suite) {
	a.do(t, add(store.Tx.Secrets, Secret("a")))
	seen := read(t, b, getSecret(core.Local, "NAME_a"))
	update := func(x core.SealedSecret) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Update(ctx, x, 1) }
	}
	a.do(t, update(seen))
	b.fails(t, core.Conflict, update(seen))
}

func testTwoWriters(t *testing.T, a, b suite) {
	const each = 40
	var wg sync.WaitGroup
	for name, s := range map[string]suite{"a": a, "b": b} {
		wg.Go(func() {
			for n := range each {
				if err := s.try(t, bump(fmt.Sprint(name, n))); err != nil {
					t.Error(err)
				}
				consistent(t, s)
			}
		})
	}
	wg.Wait()
	for _, s := range []suite{a, b} {
		if n := consistent(t, s); n != 2*each {
			t.Fatalf("%d of %d writes are there", n, 2*each)
		}
	}
}

// Two processes use one proof at the same moment: one of them has it.
func testOneUse(t *testing.T, a, b suite) {
	const rounds = 10
	for n := range rounds {
		p := Proof(fmt.Sprint(n))
		a.do(t, add(store.Tx.Proofs, p))
		p.State = core.ProofUsed
		errs := make([]error, 6)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = []suite{a, b}[i%2].try(t, decide(p, core.ProofPending)) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wants(t, err, core.Conflict)
			}
		}
		if won != 1 {
			t.Fatalf("%d of %d had the proof", won, len(errs))
		}
	}
}
