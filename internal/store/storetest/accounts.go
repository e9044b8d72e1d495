package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func addAccounts(accounts ...core.SealedAccount) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, a := range accounts {
			if err := tx.Accounts().Create(ctx, a); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s suite) account(t testing.TB, a core.SealedAccount) core.SealedAccount {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) (core.SealedAccount, error) {
		return tx.Accounts().Get(ctx, a.Owner, a.Provider, a.Namespace, a.Label)
	})
}

func (s suite) noAccount(t testing.TB, a core.SealedAccount) {
	t.Helper()
	wants(t, s.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Accounts().Get(t.Context(), a.Owner, a.Provider, a.Namespace, a.Label)
		return err
	}), core.NotFound)
}

func updateAccount(a core.SealedAccount, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Accounts().Update(ctx, a, expect) }
}

func removeAccount(id string, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Accounts().Delete(ctx, id, expect) }
}

func testAccounts(t *testing.T, s suite) {
	a := Account("a")
	s.noAccount(t, a)
	s.do(t, addAccounts(a))
	same(t, a, s.account(t, a))
	for _, elsewhere := range []func(*core.SealedAccount){
		func(x *core.SealedAccount) { x.Owner = other },
		func(x *core.SealedAccount) { x.Provider = "openai" },
		func(x *core.SealedAccount) { x.Namespace = "work" },
		func(x *core.SealedAccount) { x.Label = "A" },
	} {
		x := a
		elsewhere(&x)
		s.noAccount(t, x)
	}

	b := core.SealedAccount{Account: core.Account{ID: "a", Owner: core.Local, Provider: "p", Namespace: "n", Label: "l", Kind: "oauth", BaseURL: "u", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}, KeyID: "key_2", Ciphertext: []byte{1}}
	s.do(t, updateAccount(b, 1))
	same(t, b, s.account(t, b))
	s.noAccount(t, a)
	s.do(t, removeAccount("a", 2))
	s.noAccount(t, b)
}

func testAccountConflicts(t *testing.T, s suite) {
	a, b := Account("a"), Account("b")
	s.do(t, addAccounts(a, b))
	again := Account("c")
	again.Label = "a"
	s.fails(t, core.Conflict, addAccounts(again))
	s.fails(t, core.Conflict, addAccounts(a))
	again.Namespace = "other"
	s.do(t, addAccounts(again))
	wrong := Account("d")
	wrong.Version = 0
	s.fails(t, core.Internal, addAccounts(wrong))

	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, updateAccount(a, stale))
		s.fails(t, core.Conflict, removeAccount("a", stale))
	}
	taken := a
	taken.Label = "b"
	s.fails(t, core.Conflict, updateAccount(taken, 1))
	s.fails(t, core.NotFound, updateAccount(Account("gone"), 1))
	s.fails(t, core.NotFound, removeAccount("gone", 1))
	same(t, a, s.account(t, a))
	same(t, b, s.account(t, b))
}

func testAccountList(t *testing.T, s suite) {
	row := func(id, provider, namespace, label string, position int) core.SealedAccount {
		a := Account(id)
		a.Provider, a.Namespace, a.Label, a.Position = provider, namespace, label, position
		return a
	}
	foreign := Account("foreign")
	foreign.Owner = other
	s.do(t, addAccounts(row("6", "openai", "default", "a", 0), row("3", "anthropic", "default", "b", 2),
		row("2", "anthropic", "default", "a", 2), row("1", "anthropic", "default", "z", 1),
		row("5", "anthropic", "work", "a", 0), row("4", "anthropic", "default", "c", 10), foreign))
	list := read(t, s, func(ctx context.Context, tx store.Tx) ([]core.SealedAccount, error) {
		return tx.Accounts().List(ctx, core.Local)
	})
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
	s.do(t, addAccounts(a))
	s.merge(t, core.Health{AccountID: "a", Kind: "ok", Epoch: 5, UpdatedAt: at(1)})
	changed := a
	changed.Version, changed.Enabled = 2, false
	s.do(t, updateAccount(changed, 1))
	got := s.account(t, a)
	if got.Epoch != 5 || got.Enabled || got.Version != 2 {
		t.Fatalf("%+v", got.Account)
	}
	s.merge(t, limited("a", "", 5, 1))
	s.do(t, removeAccount("a", 2))
	fresh := Account("a")
	fresh.Epoch = 5
	s.do(t, addAccounts(fresh))
	if h := s.health(t, core.Local); len(h) != 0 {
		t.Fatalf("health outlived its account: %+v", h)
	}
}
