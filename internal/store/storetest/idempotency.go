package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testIdempotency(t *testing.T, s suite) {
	get := func(actor, key string) (i core.Idempotency, err error) {
		err = s.View(t.Context(), func(tx store.Tx) error { i, err = tx.Idempotency().Get(t.Context(), actor, key); return err })
		return i, err
	}
	add := func(i core.Idempotency) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Idempotency().Create(ctx, i) }
	}
	a := core.Idempotency{Actor: "user:ann", Key: "k", Request: []byte{1, 0xff}, Location: "/v1/secrets/A", CreatedAt: at(1)}
	_, err := get(a.Actor, a.Key)
	wants(t, err, core.NotFound)
	if got := s.since(t, add(a)); got != nil {
		t.Fatalf("it is a change: %v", got)
	}
	again := a
	again.Request, again.Location = []byte{2}, "/v1/secrets/B"
	s.fails(t, core.Conflict, add(again))
	b, c := a, a
	b.Actor, b.CreatedAt = "user:bob", at(2)
	c.Key, c.CreatedAt = "K", at(3)
	s.do(t, add(b))
	s.do(t, add(c))
	for _, want := range []core.Idempotency{a, b, c} {
		got, err := get(want.Actor, want.Key)
		if same(t, want, got); err != nil {
			t.Fatal(err)
		}
	}
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Idempotency().Sweep(ctx, at(2)) })
	_, err = get(a.Actor, a.Key)
	wants(t, err, core.NotFound)
	if _, err := get(b.Actor, b.Key); err != nil {
		t.Fatal(err)
	}
	s.do(t, add(a)) // the key is free again
}
