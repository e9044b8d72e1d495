package workspace_test

import (
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

type fixture struct {
	*workspace.Workspaces
	guardtest.Kit
	vault    *vault.Vault
	accounts *account.Accounts
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	k, reg := guardtest.New(t).Sound(t), builtin.Registry()
	return fixture{
		Workspaces: workspace.New(k.Guard, k.Store, k.Keys, reg), vault: vault.New(k.Guard, k.Keys, vault.Limits{}, nil),
		accounts: account.New(k.Guard, k.Keys, reg, nil, upstream.Rules{}), Kit: k,
	}
}

func (f fixture) secret(t *testing.T, n vault.NewSecret) {
	t.Helper()
	if n.Value.IsZero() {
		n.Value = secret.FromString("value of " + n.Name)
	}
	if _, _, err := f.vault.Create(t.Context(), core.LocalUser, n); err != nil {
		t.Fatal(err)
	}
}

// orgSecret is secret for the organisation.
func (f fixture) orgSecret(t *testing.T, n vault.NewSecret) {
	t.Helper()
	if n.Value.IsZero() {
		n.Value = secret.FromString("the organisation's value of " + n.Name)
	}
	if _, _, err := f.vault.Create(t.Context(), core.LocalUser.On(core.Org), n); err != nil {
		t.Fatal(err)
	}
}

// user makes a person of this name, who proves themselves by a token.
func (f fixture) user(t *testing.T, name string) core.Actor {
	t.Helper()
	u := core.User{ID: "usr_" + name, Name: name, Role: core.RoleUser, Version: 1}
	guardtest.Add(t, f.Store, u)
	scopes := core.AllScopes &^ (core.AdminRead | core.AdminWrite)
	return core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Scopes: scopes, Via: core.Via{Kind: core.ViaToken, ID: "tok_" + name}}
}

// startFor is start for somebody else than this machine's user.
func (f fixture) startFor(t *testing.T, actor core.Actor, spec workspace.Spec) (core.Actor, core.Workspace) {
	t.Helper()
	w, s, _, err := f.Create(t.Context(), actor, spec)
	if err != nil {
		t.Fatal(err)
	}
	inside, _, err := f.Session(t.Context(), string(s.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return inside, w
}

func (f fixture) account(t *testing.T, provider, namespace string) {
	t.Helper()
	f.accountOf(t, core.LocalUser, provider, namespace, nil)
}

func (f fixture) accountOf(t *testing.T, actor core.Actor, provider, namespace string, sel core.Selector) {
	t.Helper()
	_, err := f.accounts.Add(t.Context(), actor, account.NewAccount{
		Provider: provider, Namespace: namespace, Label: "work", Key: secret.FromString("test-0123456789abcdef"), Selector: sel,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start makes a workspace and gives its actor and keys.
func (f fixture) start(t *testing.T, spec workspace.Spec) (actor core.Actor, session, gateway string) {
	t.Helper()
	w, s, g, err := f.Create(t.Context(), core.LocalUser, spec)
	if err != nil {
		t.Fatal(err)
	}
	actor, _, err = f.Session(t.Context(), string(s.Reveal()))
	if err != nil || actor.ID != w.ID {
		t.Fatalf("session %+v, %v", actor, err)
	}
	return actor, string(s.Reveal()), string(g.Reveal())
}

func (f fixture) manifest(t *testing.T, actor core.Actor) workspace.Manifest {
	t.Helper()
	m, err := f.Manifest(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// trail is the workspaces' entries, oldest first.
func (f fixture) trail(t *testing.T) []core.AuditEntry {
	t.Helper()
	return f.Trail(t, func(e core.AuditEntry) bool { return strings.HasPrefix(e.Action, "workspace.") })
}

func (f fixture) acts(t *testing.T) (out []string) {
	t.Helper()
	for _, e := range f.trail(t) {
		out = append(out, string(e.Actor.Kind)+" "+strings.TrimPrefix(e.Action, "workspace.")+" "+e.Outcome)
	}
	return out
}

func wantRevoked(t *testing.T, what string, err error) {
	t.Helper()
	if e, ok := err.(*core.Error); !ok || e.Code != core.Unauthenticated || e.Reason != "session_revoked" {
		t.Errorf("%s gives %v, want session_revoked", what, err)
	}
}

var wantCode = guardtest.WantCode

func to[T any](v T) *T { return &v }
