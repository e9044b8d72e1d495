package account_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/provider"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
)

type fixture struct {
	*account.Accounts
	guardtest.Kit
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	k := guardtest.New(t).Sound(t)
	return fixture{account.New(k.Guard, k.Keys, builtin.Registry(), prober{}, upstream.Rules{}), k}
}

// prober sends the adapter's own request.
type prober struct{}

func (prober) Probe(ctx context.Context, a core.Account, cred secret.Secret) (int, http.Header, []byte, error) {
	ad, err := builtin.Registry().Get(a.Provider)
	if err != nil {
		return 0, nil, nil, err
	}
	req := ad.ModelsRequest().Clone(ctx)
	if err := ad.Apply(req, provider.Credential{Kind: a.Kind, Value: cred, BaseURL: a.BaseURL}); err != nil {
		return 0, nil, nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

const testKey = "sk-test-0123456789abcdef"

func ref(t testing.TB, s string) account.Ref {
	t.Helper()
	parts := strings.Split(s, "/")
	switch len(parts) {
	case 2:
		return account.Ref{Provider: parts[0], Namespace: core.DefaultNamespace, Label: parts[1]}
	case 3:
		return account.Ref{Provider: parts[0], Namespace: parts[1], Label: parts[2]}
	}
	t.Fatalf("%q names no account", s)
	return account.Ref{}
}

func (f fixture) add(t testing.TB, name string) core.Account {
	t.Helper()
	r := ref(t, name)
	a, err := f.Add(context.Background(), core.LocalUser, account.NewAccount{
		Provider: r.Provider, Namespace: r.Namespace, Label: r.Label, Key: secret.FromString(testKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f fixture) update(t testing.TB, name string, e account.Edit) core.Account {
	t.Helper()
	a, err := f.Update(context.Background(), core.LocalUser, ref(t, name), e, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pools is the accounts in order as "REF POSITION".
func (f fixture) pools(t testing.TB) string {
	t.Helper()
	list, _, err := f.List(context.Background(), core.LocalUser, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprint(a.Ref(), " ", a.Position))
	}
	return strings.Join(out, ", ")
}

// key is the stored credential, opened by the store's own record.
func (f fixture) key(t testing.TB, name string) (out string) {
	t.Helper()
	r := ref(t, name)
	err := f.Store.View(context.Background(), func(tx store.Tx) error {
		a, err := tx.Accounts().Get(context.Background(), core.Local, r.Provider, r.Namespace, r.Label)
		if err != nil {
			return err
		}
		k, err := f.Keys.Open(context.Background(), tx.Vault(), core.Local)
		if err != nil {
			return err
		}
		v, err := k.Open(seal.AccountBinding(a.Account), a.Ciphertext)
		out = string(v.Reveal())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) mark(t testing.TB, a core.Account, kind string) {
	t.Helper()
	err := f.Store.Update(context.Background(), func(tx store.Tx) error {
		return tx.Health().Merge(context.Background(), []core.Health{{
			AccountID: a.ID, Kind: kind, Until: time.Now().Add(time.Hour), Epoch: a.Epoch, UpdatedAt: time.Now(),
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f fixture) health(t testing.TB, name string) []core.Health {
	t.Helper()
	_, h, err := f.Get(context.Background(), core.LocalUser, ref(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var wantCode = guardtest.WantCode

func to[T any](v T) *T { return &v }
