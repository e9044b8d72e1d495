package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func getAccount(a core.SealedAccount) func(context.Context, store.Tx) (core.SealedAccount, error) {
	return func(ctx context.Context, tx store.Tx) (core.SealedAccount, error) {
		return tx.Accounts().Get(ctx, a.Owner, a.Provider, a.Namespace, a.Label)
	}
}

func sampleAccount(id, label string, o core.Owner, version int64) core.SealedAccount {
	a := Account(id)
	a.Label, a.Owner, a.Version = label, o, version
	return a
}

func testAccounts(t *testing.T, s suite) {
	a := Account("a")
	missing(t, s, getAccount(a))
	s.do(t, add(store.Tx.Accounts, a))
	same(t, a, read(t, s, getAccount(a)))
	for _, elsewhere := range []func(*core.SealedAccount){
		func(x *core.SealedAccount) { x.Owner = other },
		func(x *core.SealedAccount) { x.Provider = "openai" },
		func(x *core.SealedAccount) { x.Namespace = "work" },
		func(x *core.SealedAccount) { x.Label = "A" },
	} {
		x := a
		elsewhere(&x)
		missing(t, s, getAccount(x))
	}

	b := core.SealedAccount{Account: core.Account{ID: "a", Owner: core.Local, Provider: "p", Namespace: "n", Label: "l", Kind: "oauth", BaseURL: "u", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}, KeyID: "key_2", Ciphertext: []byte{1}}
	s.do(t, update(store.Tx.Accounts, b, 1))
	same(t, b, read(t, s, getAccount(b)))
	missing(t, s, getAccount(a))
	s.do(t, remove(store.Tx.Accounts, "a", 2))
	missing(t, s, getAccount(b))
}

func testAccountList(t *testing.T, s suite) {
	row := func(id, provider, namespace, label string, position int) core.SealedAccount {
		a := Account(id)
		a.Provider, a.Namespace, a.Label, a.Position = provider, namespace, label, position
		return a
	}
	foreign := Account("foreign")
	foreign.Owner = other
	s.do(t, add(store.Tx.Accounts, row("6", "openai", "default", "a", 0), row("3", "anthropic", "default", "b", 2),
		row("2", "anthropic", "default", "a", 2), row("1", "anthropic", "default", "z", 1),
		row("5", "anthropic", "work", "a", 0), row("4", "anthropic", "default", "c", 10), foreign))
	list := read(t, s, list(store.Tx.Accounts, core.Local))
	ids := ""
	for _, a := range list {
		ids += a.ID
	}
	same(t, "123456", ids)
	same(t, row("1", "anthropic", "default", "z", 1), list[0])
}

// The epoch belongs to health: a control-plane write that saw an older one does
// not bring it back.
func testAccountEpoch(t *testing.T, s suite) {
	a := Account("a")
	s.do(t, add(store.Tx.Accounts, a))
	s.merge(t, core.Health{AccountID: "a", Kind: "ok", Epoch: 5, UpdatedAt: at(1)})
	changed := a
	changed.Version, changed.Enabled = 2, false
	s.do(t, update(store.Tx.Accounts, changed, 1))
	got := read(t, s, getAccount(a))
	if got.Epoch != 5 || got.Enabled || got.Version != 2 {
		t.Fatalf("%+v", got.Account)
	}
	s.merge(t, limited("a", "", 5, 1))
	s.do(t, remove(store.Tx.Accounts, "a", 2))
	fresh := Account("a")
	fresh.Epoch = 5
	s.do(t, add(store.Tx.Accounts, fresh))
	if h := s.health(t, core.Local); len(h) != 0 {
		t.Fatalf("health outlived its account: %+v", h)
	}
}
