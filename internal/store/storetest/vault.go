package storetest

import (
	"context"
	"errors"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testVault(t *testing.T, s suite) {
	h := core.Header{Custody: "file", RootKeyID: "abc", CreatedAt: at(1)}
	set := func(ctx context.Context, tx store.Tx) error { return tx.Vault().SetHeader(ctx, h) }
	get := func(ctx context.Context, tx store.Tx) (core.Header, error) { return tx.Vault().Header(ctx) }
	missing(t, s, get)
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
	missing(t, s, key(core.Local))
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

func wrapped(id string, o core.Owner) core.WrappedKey {
	return core.WrappedKey{ID: id, Owner: o, RootKeyID: "abc", Wrapped: []byte("of " + id), CreatedAt: at(1)}
}

func (s suite) keys(t testing.TB) []core.WrappedKey {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.WrappedKey, error) { return tx.Vault().Keys(ctx) })
}

func testRewrap(t *testing.T, s suite) {
	h := core.Header{Custody: "file", RootKeyID: "abc", CreatedAt: at(1)}
	a, b := wrapped("key_a", core.Local), wrapped("key_b", other)
	rewrap := func(h core.Header, keys ...core.WrappedKey) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Vault().Rewrap(ctx, h, keys) }
	}
	s.fails(t, core.NotFound, rewrap(h))
	s.do(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Vault().PutKey(ctx, a); err != nil {
			return err
		}
		if err := tx.Vault().PutKey(ctx, b); err != nil {
			return err
		}
		return tx.Vault().SetHeader(ctx, h)
	})
	same(t, []core.WrappedKey{b, a}, s.keys(t))

	h2, a2, b2 := core.Header{Custody: "env", RootKeyID: "def", CreatedAt: at(2)}, a, b
	a2.RootKeyID, a2.Wrapped, b2.RootKeyID, b2.Wrapped = "def", []byte{1}, "def", []byte{2}
	moved := a2
	moved.Owner = core.Owner{Kind: core.UserOwner, ID: "eve"}
	for name, keys := range map[string][]core.WrappedKey{
		"none": nil, "one is missing": {a2}, "one twice": {a2, a2}, "one more": {a2, b2, wrapped("key_c", core.Org)},
		"another": {a2, wrapped("key_c", other)}, "another owner's": {moved, b2},
	} {
		t.Run(name, func(t *testing.T) { s.fails(t, core.Conflict, rewrap(h2, keys...)) })
	}
	same(t, []core.WrappedKey{b, a}, s.keys(t))
	same(t, []string{"header  ", "key org:acme:eu key_b", "key user:local key_a"}, s.since(t, rewrap(h2, a2, b2)))
	same(t, []core.WrappedKey{b2, a2}, s.keys(t))
	same(t, h2, read(t, s, func(ctx context.Context, tx store.Tx) (core.Header, error) { return tx.Vault().Header(ctx) }))
}

func testReplaceKey(t *testing.T, s suite) {
	replace := func(k core.WrappedKey) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Vault().ReplaceKey(ctx, k) }
	}
	a, b := wrapped("key_a", core.Local), wrapped("key_b", other)
	s.fails(t, core.NotFound, replace(a))
	s.do(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Vault().PutKey(ctx, a); err != nil {
			return err
		}
		return tx.Vault().PutKey(ctx, b)
	})
	c := core.WrappedKey{ID: "key_c", Owner: core.Local, RootKeyID: "def", Wrapped: []byte{9}, CreatedAt: at(5)}
	same(t, []string{"key user:local key_c"}, s.since(t, replace(c)))
	same(t, []core.WrappedKey{b, c}, s.keys(t))
	b.Owner = core.Local
	s.fails(t, core.Conflict, replace(b)) // the id is another owner's
}

func testOwners(t *testing.T, s suite) {
	owners := func() []core.Owner {
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Owner, error) { return tx.Vault().Owners(ctx) })
	}
	if got := owners(); len(got) != 0 {
		t.Fatalf("%v", got)
	}
	of := func(id string) core.Owner { return core.Owner{Kind: core.UserOwner, ID: id} }
	x, y, a, m := Secret("x"), Secret("y"), Account("a"), MCPServer("m")
	x.Owner, y.Owner, a.Owner, m.Owner = of("b"), of("b"), of("c"), of("a")
	s.do(t, add(store.Tx.Secrets, x, y))
	s.do(t, add(store.Tx.Accounts, a))
	s.do(t, add(store.Tx.MCPServers, m))
	w, over := Workspace("w"), Workspace("v")
	w.Owner, over.Owner = of("w"), of("v")
	s.do(t, add(store.Tx.Workspaces, w, over))
	p, l, k, b := Profile("p"), Pool("openai", "default"), Token("k", "k"), Session("b", "s")
	p.Owner, l.Owner = of("p"), of("l")
	s.do(t, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.Workspaces().End(ctx, over.ID, at(9)), tx.Profiles().Create(ctx, p), tx.Pools().Put(ctx, l, 0),
			tx.Tokens().Create(ctx, k), tx.Sessions().Create(ctx, b))
	})
	same(t, []core.Owner{of("a"), of("b"), of("c"), of("k"), of("l"), of("p"), of("s"), of("w")}, owners())
	a.Owner, a.ID = of("a"), "a2"
	s.do(t, add(store.Tx.Accounts, a))
	s.do(t, remove(store.Tx.MCPServers, "m", 1))
	same(t, []core.Owner{of("a"), of("b"), of("c"), of("k"), of("l"), of("p"), of("s"), of("w")}, owners())
}
