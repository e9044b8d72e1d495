package storetest

import (
	"context"
	"errors"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func checkpoint(n int64, heads ...core.Head) core.Checkpoint {
	return core.Checkpoint{
		Number: n, At: at(int(n)), Heads: heads, PrevHash: []byte{byte(n - 1)}, Hash: []byte{byte(n), 0xff},
		KeyID: "abc", Signature: []byte{0, 1, byte(n)},
	}
}

func appendCheckpoint(c core.Checkpoint) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Checkpoints().Append(ctx, c) }
}

func testCheckpoints(t *testing.T, s suite) {
	last := func(ctx context.Context, tx store.Tx) (core.Checkpoint, error) { return tx.Checkpoints().Last(ctx) }
	missing(t, s, last)
	first := checkpoint(1)
	first.PrevHash = nil
	second := checkpoint(2, core.Head{Writer: "a", Seq: 1 << 60, Hash: []byte{1, 2}}, core.Head{Writer: `b "<ü>`, Seq: 2, Hash: []byte{0xff}})
	third := checkpoint(3, core.Head{Writer: "c", Seq: 1, Hash: []byte{9}})
	for _, n := range []int64{0, 2, -1} {
		s.fails(t, core.Conflict, appendCheckpoint(checkpoint(n)))
	}
	for _, c := range []core.Checkpoint{first, second, third} {
		if got := s.since(t, appendCheckpoint(c)); got != nil {
			t.Fatalf("a checkpoint is a change: %v", got)
		}
		same(t, c, read(t, s, last))
	}
	for _, n := range []int64{1, 3, 5} {
		s.fails(t, core.Conflict, appendCheckpoint(checkpoint(n)))
	}
	s.fails(t, core.Invalid, appendCheckpoint(checkpoint(4, core.Head{Writer: "not \xff text"})))

	walk := func(stop error) (seen []core.Checkpoint, err error) {
		err = s.View(t.Context(), func(tx store.Tx) error {
			return tx.Checkpoints().Walk(t.Context(), func(c core.Checkpoint) error { seen = append(seen, c); return stop })
		})
		return seen, err
	}
	seen, err := walk(nil)
	same(t, []core.Checkpoint{first, second, third}, seen)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if seen, err = walk(stop); !errors.Is(err, stop) || len(seen) != 1 {
		t.Fatalf("%d checkpoints, %v", len(seen), err)
	}
}
