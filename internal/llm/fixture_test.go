package llm_test

import (
	"errors"
	"slices"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/llm"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

type fixture struct {
	*llm.LLM
	guardtest.Kit
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	k := guardtest.New(t).Sound(t)
	return fixture{llm.New(k.Guard, k.Keys, builtin.Registry()), k}
}

var (
	me    = core.LocalUser
	ann   = core.Actor{Kind: core.UserActor, ID: "usr_ann", Owner: core.Owner{Kind: core.UserOwner, ID: "usr_ann"}, Scopes: core.AllScopes}
	small = core.Actor{Kind: core.UserActor, ID: "local", Owner: core.Local, Scopes: core.SecretsRead}
)

func wants(t *testing.T, err error, code core.Code, field string) {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != code || e.Field != field {
		t.Errorf("error %#v, want %s of %q", err, code, field)
		return
	}
	if e.Hint == "" && code != core.Internal {
		t.Errorf("no hint: %v", err)
	}
}

func stale(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, &core.Error{Code: core.Conflict, Reason: "stale"}) {
		t.Errorf("error %v, want one that says stale", err)
	}
}

// opened is the sealed text of an MCP server.
func (f fixture) opened(t *testing.T, actor core.Actor, name string) string {
	t.Helper()
	var out secret.Secret
	err := f.Store.View(t.Context(), func(tx store.Tx) error {
		m, err := tx.MCPServers().Get(t.Context(), actor.Owner, name)
		if err != nil || m.KeyID == "" {
			return err
		}
		key, err := f.Keys.Open(t.Context(), tx.Vault(), actor.Owner)
		if err != nil {
			return err
		}
		out, err = key.Open(seal.MCPBinding(m.MCPServer), m.Ciphertext)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Reveal())
}

func to[T any](v T) *T { return &v }

func val(s string) secret.Secret { return secret.FromString(s) }

func vals(pairs ...string) map[string]secret.Secret {
	out := map[string]secret.Secret{}
	for p := range slices.Chunk(pairs, 2) {
		out[p[0]] = val(p[1])
	}
	return out
}
