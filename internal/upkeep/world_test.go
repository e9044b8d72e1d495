package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upkeep"
)

var (
	bob    = core.Owner{Kind: core.UserOwner, ID: "usr_bob"}
	admin  = core.LocalUser.On(core.Org)
	owners = []core.Owner{core.Local, bob, core.Org}
)

// world is a vault of several owners, and what each of its values must be.
type world struct {
	guardtest.Kit
	root seal.RootKey
	want map[string]string // by record
}

// newWorld has for each owner this many secrets, an account and two MCP servers,
// one of which has no values.
func newWorld(t testing.TB, secrets int) *world {
	t.Helper()
	w := &world{Kit: guardtest.New(t), root: guardtest.RootKey(t), want: map[string]string{}}
	w.Keys = seal.NewKeys(w.root)
	w.Signer = audit.NewSigner(w.root.AuditKey)
	w.Guard = guard.New(w.Store, guardtest.Writer, guard.Signed(w.Signer))
	err := w.Store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Vault().SetHeader(t.Context(), core.Header{Custody: "file", RootKeyID: w.root.ID(), CreatedAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range owners {
		w.do(t, w.Guard, o, func(ctx context.Context, tx store.Tx, note guard.Note) error {
			for i := range secrets {
				if err := w.putSecret(ctx, tx, note, o, fmt.Sprintf("S%02d", i)); err != nil {
					return err
				}
			}
			return errors.Join(w.putAccount(ctx, tx, note, o), w.putMCP(ctx, tx, note, o))
		})
	}
	return w
}

// do is an act of an owner's own.
func (w *world) do(t testing.TB, g *guard.Guard, o core.Owner, fn func(context.Context, store.Tx, guard.Note) error) {
	t.Helper()
	actor := core.Actor{Kind: core.UserActor, ID: o.ID, Owner: o, Admin: true, Scopes: core.AllScopes}
	if err := g.Do(t.Context(), actor, guard.Act{Action: guard.SecretImport, Subject: "x"}, fn); err != nil {
		t.Fatal(err)
	}
}

func id(kind string, o core.Owner, name string) string { return kind + " " + o.String() + " " + name }

func (w *world) putSecret(ctx context.Context, tx store.Tx, note guard.Note, o core.Owner, name string) error {
	s := core.SealedSecret{Secret: core.Secret{ID: id("secret", o, name), Owner: o, Name: name, Version: 1, ValueVersion: 1}}
	key, err := w.Keys.Ensure(ctx, tx.Vault(), o)
	if err != nil {
		return err
	}
	w.want[s.ID] = "value of " + s.ID + time.Now().String()
	s.KeyID = key.ID()
	if s.Ciphertext, err = key.Seal(seal.SecretBinding(s.Secret), secret.FromString(w.want[s.ID])); err != nil {
		return err
	}
	return tx.Secrets().Create(ctx, s)
}

func (w *world) putAccount(ctx context.Context, tx store.Tx, note guard.Note, o core.Owner) error {
	a := core.SealedAccount{Account: core.Account{ID: id("account", o, "x"), Owner: o, Provider: "openai", Namespace: "default", Label: "x",
		BaseURL: "https://api.example.com", Version: 1, ValueVersion: 1}}
	key, err := w.Keys.Ensure(ctx, tx.Vault(), o)
	if err != nil {
		return err
	}
	w.want[a.ID], a.KeyID = "value of "+a.ID, key.ID()
	if a.Ciphertext, err = key.Seal(seal.AccountBinding(a.Account), secret.FromString(w.want[a.ID])); err != nil {
		return err
	}
	return tx.Accounts().Create(ctx, a)
}

func (w *world) putMCP(ctx context.Context, tx store.Tx, note guard.Note, o core.Owner) error {
	m := core.SealedMCPServer{MCPServer: core.MCPServer{ID: id("mcp", o, "x"), Owner: o, Name: "x", Transport: core.MCPHTTP,
		URL: "https://mcp.example.com", Version: 1, ValueVersion: 1}}
	key, err := w.Keys.Ensure(ctx, tx.Vault(), o)
	if err != nil {
		return err
	}
	w.want[m.ID], m.KeyID = "value of "+m.ID, key.ID()
	if m.Ciphertext, err = key.Seal(seal.MCPBinding(m.MCPServer), secret.FromString(w.want[m.ID])); err != nil {
		return err
	}
	bare := core.SealedMCPServer{MCPServer: core.MCPServer{ID: id("mcp", o, "bare"), Owner: o, Name: "bare", Transport: core.MCPStdio, Command: "c", Version: 1}}
	return errors.Join(tx.MCPServers().Create(ctx, m), tx.MCPServers().Create(ctx, bare))
}

// values is what a process that starts now finds with this root key.
func (w *world) values(t testing.TB, root seal.RootKey) map[string]string {
	t.Helper()
	got, keys := map[string]string{}, seal.NewKeys(root)
	err := w.Store.View(t.Context(), func(tx store.Tx) error {
		for _, o := range owners {
			if err := w.opened(t.Context(), tx, keys, o, got); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return got
}

func (w *world) opened(ctx context.Context, tx store.Tx, keys *seal.Keys, o core.Owner, got map[string]string) error {
	key, err := keys.Open(ctx, tx.Vault(), o)
	if err != nil {
		return err
	}
	var bad error
	open := func(id string, b seal.Binding, c []byte) {
		v, err := key.Open(b, c)
		if bad = errors.Join(bad, err); err == nil {
			got[id] = string(v.Reveal())
		}
	}
	secrets, err := tx.Secrets().List(ctx, o)
	for _, s := range secrets {
		open(s.ID, seal.SecretBinding(s.Secret), s.Ciphertext)
	}
	accounts, aerr := tx.Accounts().List(ctx, o)
	for _, a := range accounts {
		open(a.ID, seal.AccountBinding(a.Account), a.Ciphertext)
	}
	servers, merr := tx.MCPServers().List(ctx, o)
	for _, m := range servers {
		if m.KeyID != "" {
			open(m.ID, seal.MCPBinding(m.MCPServer), m.Ciphertext)
		}
	}
	return errors.Join(err, aerr, merr, bad)
}

// sound checks that every value opens to what it was, and that the trail knows
// every ciphertext.
func (w *world) sound(t testing.TB) {
	t.Helper()
	if d := cmp.Diff(w.want, w.values(t, w.root)); d != "" {
		t.Fatalf("values (-want +got)\n%s", d)
	}
	v, err := guard.New(w.Store, guardtest.Writer, guard.Signed(audit.NewSigner(w.root.AuditKey))).Verify(t.Context(), core.LocalUser)
	if err != nil || !v.OK() {
		t.Fatalf("the trail: %+v, %v", v.Problems, err)
	}
}

// older is how many owners have an older key still.
func (w *world) older(t testing.TB) (n int) {
	t.Helper()
	err := w.Store.View(t.Context(), func(tx store.Tx) error {
		for _, o := range owners {
			k, err := seal.NewKeys(w.root).Open(t.Context(), tx.Vault(), o)
			if err != nil {
				return err
			}
			if k.Older() > 0 {
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// process is an Upkeep as a new process has it, over a store that may die.
func (w *world) process(st store.Store) *upkeep.Upkeep {
	g := guard.New(st, guardtest.Writer, guard.Signed(audit.NewSigner(w.root.AuditKey)))
	return upkeep.New(g, seal.NewKeys(w.root))
}

// The ways in which a process dies at a transaction.
const (
	before    = iota // it does not begin
	inside           // it is rolled back
	afterward        // it is durable, and nobody learns of it
	endOfWays
)

// mortal is a store whose process dies at the Update of this number, from 0.
type mortal struct {
	store.Store
	at, way int
	dead    bool
}

var errDead = errors.New("the process is dead")

func (m *mortal) View(ctx context.Context, fn func(store.Tx) error) error {
	if m.dead {
		return errDead
	}
	return m.Store.View(ctx, fn)
}

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	if m.dead {
		return errDead
	}
	if m.at--; m.at >= 0 {
		return m.Store.Update(ctx, fn)
	}
	m.dead = true
	switch m.way {
	case before:
		return errDead
	case inside:
		return m.Store.Update(ctx, func(tx store.Tx) error { return errors.Join(errDead, fn(tx)) })
	}
	return errors.Join(errDead, m.Store.Update(ctx, fn))
}
