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
	v, err := f.upkeep.VerifyValues(t.Context(), admin)
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
	_, err := upkeep.New(guard.New(f.store, guardtest.Writer), seal.NewKeys(guardtest.RootKey(t))).VerifyValues(t.Context(), admin)
	if core.CodeOf(err) != core.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestOnlyAnAdministratorMayVerify(t *testing.T) {
	f := newFixture(t)
	for _, a := range []core.Actor{
		{Kind: core.WorkspaceActor, ID: "wsp_x", Owner: core.Local},
		{Kind: core.UserActor, ID: "ann", Owner: core.Org, Scopes: core.AllScopes},
		core.LocalUser, // not on the organisation
	} {
		if _, err := f.upkeep.VerifyValues(t.Context(), a); core.CodeOf(err) != core.Forbidden {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// Every owner's values of every kind are opened, and one damaged key of one
// owner hides nothing of the others.
func TestVerifyCoversEveryOwner(t *testing.T) {
	w := newWorld(t, 20)
	u := w.process(w.Store)
	v, err := u.VerifyValues(t.Context(), admin)
	if err != nil || v.Secrets != 60 || v.Accounts != 3 || v.MCPServers != 3 || len(v.Problems) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	err = w.Store.Update(t.Context(), func(tx store.Tx) error {
		m, err := tx.MCPServers().Get(t.Context(), core.Org, "x")
		if err != nil {
			return err
		}
		m.URL = "https://evil.example"
		if err := tx.MCPServers().Update(t.Context(), m, 1); err != nil {
			return err
		}
		k, err := tx.Vault().Key(t.Context(), bob)
		if err != nil {
			return err
		}
		k.Wrapped[len(k.Wrapped)/2] ^= 1
		return tx.Vault().ReplaceKey(t.Context(), k)
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err = u.VerifyValues(t.Context(), admin)
	if err != nil || v.Secrets != 60 || len(v.Problems) != 1+22 {
		t.Fatalf("%+v, %v", v, err)
	}
	all := strings.Join(v.Problems, "\n")
	for _, want := range []string{"MCP server x of org:org does not open: it, or its URL or command", "secret S19 of user:usr_bob does not open: its owner's data key"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
}
