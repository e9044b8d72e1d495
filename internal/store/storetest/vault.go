package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testVault(t *testing.T, s suite) {
	h := core.Header{Custody: "file", RootKeyID: "abc", CreatedAt: at(1)}
	set := func(ctx context.Context, tx store.Tx) error { return tx.Vault().SetHeader(ctx, h) }
	get := func(ctx context.Context, tx store.Tx) (core.Header, error) { return tx.Vault().Header(ctx) }
	s.fails(t, core.NotFound, func(ctx context.Context, tx store.Tx) error { _, err := get(ctx, tx); return err })
	s.do(t, set)
	same(t, h, read(t, s, get))
	s.fails(t, core.Conflict, set)
	s.fails(t, core.Conflict, func(ctx context.Context, tx store.Tx) error {
		return tx.Vault().SetHeader(ctx, core.Header{Custody: "env", RootKeyID: "other", CreatedAt: at(2)})
	})
	same(t, h, read(t, s, get))
}

func testKeys(t *testing.T, s suite) {
	k := core.WrappedKey{ID: "key_1", Owner: core.Local, RootKeyID: "abc", Wrapped: []byte{0, 1, 0xff}, CreatedAt: at(1)}
	key := func(o core.Owner) func(context.Context, store.Tx) (core.WrappedKey, error) {
		return func(ctx context.Context, tx store.Tx) (core.WrappedKey, error) { return tx.Vault().Key(ctx, o) }
	}
	s.fails(t, core.NotFound, func(ctx context.Context, tx store.Tx) error { _, err := key(core.Local)(ctx, tx); return err })
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Vault().PutKey(ctx, k) })
	same(t, k, read(t, s, key(core.Local)))

	second := k
	second.ID, second.Wrapped = "key_2", []byte{7}
	s.fails(t, core.Conflict, func(ctx context.Context, tx store.Tx) error { return tx.Vault().PutKey(ctx, second) })
	same(t, k, read(t, s, key(core.Local)))
	second.Owner = other
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Vault().PutKey(ctx, second) })
	same(t, second, read(t, s, key(other)))
}
