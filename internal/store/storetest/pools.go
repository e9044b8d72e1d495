package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func putPool(p core.Pool, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Pools().Put(ctx, p, expect) }
}

func testPools(t *testing.T, s suite) {
	get := func(o core.Owner, provider, namespace string) (p core.Pool, err error) {
		err = s.View(t.Context(), func(tx store.Tx) error { p, err = tx.Pools().Get(t.Context(), o, provider, namespace); return err })
		return p, err
	}
	p := Pool("openai", "work")
	_, err := get(core.Local, "openai", "work")
	wants(t, err, core.NotFound)
	s.fails(t, core.Conflict, putPool(p, 1)) // nothing is stored
	lies := p
	lies.Version = 7
	same(t, []string{"pool user:local openai/work"}, s.since(t, putPool(lies, 0)))
	foreign, first, second := p, Pool("anthropic", "work"), Pool("anthropic", "a")
	foreign.Owner = other
	for _, x := range []core.Pool{foreign, first, second} {
		s.do(t, putPool(x, 0))
	}
	got, err := get(core.Local, "openai", "work")
	same(t, p, got)
	if err != nil {
		t.Fatal(err)
	}
	same(t, []core.Pool{second, first, p}, read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Pool, error) {
		return tx.Pools().List(ctx, core.Local)
	}))

	changed := p
	changed.Strategy, changed.AllowAmbiguous, changed.UpdatedAt, changed.Version = core.Sticky, false, at(9), 2
	for _, stale := range []int64{0, 2, -1} {
		s.fails(t, core.Conflict, putPool(changed, stale))
	}
	s.do(t, putPool(changed, 1))
	got, _ = get(core.Local, "openai", "work")
	same(t, changed, got)
	got, _ = get(other, "openai", "work")
	same(t, foreign, got)
}
