package upkeep_test

import (
	"context"
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upkeep"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
)

type fixture struct {
	store  store.Store
	upkeep *upkeep.Upkeep
}

// newFixture is a vault with the secrets A and B and the account openai/x.
func newFixture(t *testing.T) fixture {
	t.Helper()
	k := guardtest.New(t)
	g, keys := k.Guard, k.Keys
	for _, name := range []string{"A", "B"} {
		n := vault.NewSecret{Name: name, Lookup: true, Value: secret.FromString("value of " + name)}
		if _, _, err := vault.New(g, keys, vault.Limits{}, nil).Create(t.Context(), core.LocalUser, n); err != nil {
			t.Fatal(err)
		}
	}
	n := account.NewAccount{Provider: "openai", Label: "x", Key: secret.FromString("sk-of-x")}
	if _, err := account.New(g, keys, builtin.Registry(), nil, upstream.Rules{}).Add(t.Context(), core.LocalUser, n); err != nil {
		t.Fatal(err)
	}
	return fixture{k.Store, upkeep.New(g, keys)}
}

func (f fixture) verify(t *testing.T) upkeep.Values {
	t.Helper()
	v, err := f.upkeep.VerifyValues(t.Context(), core.LocalUser)
	if err != nil {
		t.Fatal(err)
	}
	if v.Secrets != 2 || v.Accounts != 1 {
		t.Fatalf("looked at %d secrets and %d accounts", v.Secrets, v.Accounts)
	}
	return v
}

// edit writes past every use case, as whoever has the file can.
func (f fixture) edit(t *testing.T, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := f.store.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func TestASoundVaultHasNoProblems(t *testing.T) {
	if v := newFixture(t).verify(t); len(v.Problems) != 0 {
		t.Errorf("got %v", v.Problems)
	}
}

func TestSwappedCiphertextsAreNamed(t *testing.T) {
	f := newFixture(t)
	f.edit(t, func(ctx context.Context, tx store.Tx) error {
		list, err := tx.Secrets().List(ctx, core.Local)
		if err != nil {
			return err
		}
		a, b := list[0], list[1]
		a.Ciphertext, b.Ciphertext = b.Ciphertext, a.Ciphertext
		if err := tx.Secrets().Update(ctx, a, a.Version); err != nil {
			return err
		}
		return tx.Secrets().Update(ctx, b, b.Version)
	})
	if v := f.verify(t); len(v.Problems) != 2 || !strings.Contains(v.Problems[0], "secret A") || !strings.Contains(v.Problems[1], "secret B") {
		t.Errorf("got %v", v.Problems)
	}
}

// Whoever can write to the file could otherwise send the key to a server of
// their own.
func TestAnEditedUpstreamIsNamed(t *testing.T) {
	f := newFixture(t)
	f.edit(t, func(ctx context.Context, tx store.Tx) error {
		list, err := tx.Accounts().List(ctx, core.Local)
		if err != nil {
			return err
		}
		a := list[0]
		a.BaseURL = "https://evil.example/v1"
		return tx.Accounts().Update(ctx, a, a.Version)
	})
	if v := f.verify(t); len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "account openai/x") {
		t.Errorf("got %v", v.Problems)
	}
}

func TestAnotherRootKeyIsAnErrorNotAProblem(t *testing.T) {
	f := newFixture(t)
	_, err := upkeep.New(guard.New(f.store, guardtest.Writer), seal.NewKeys(guardtest.RootKey(t))).VerifyValues(t.Context(), core.LocalUser)
	if core.CodeOf(err) != core.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheUserMayVerify(t *testing.T) {
	f := newFixture(t)
	inside := core.Actor{Kind: core.WorkspaceActor, ID: "wsp_x", Owner: core.Local}
	if _, err := f.upkeep.VerifyValues(t.Context(), inside); core.CodeOf(err) != core.Forbidden {
		t.Errorf("got %v", err)
	}
}
