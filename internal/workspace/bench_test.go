package workspace_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// crowd is a server's store: users with 100 secrets each, and an organisation
// with 200, of which each workspace is due 20.
type crowd struct {
	guardtest.Kit
	ws    *workspace.Workspaces
	users []core.Actor // each a workspace of its own user
}

func newCrowd(b *testing.B, users int) crowd {
	b.Helper()
	k := guardtest.New(b)
	c := crowd{Kit: k, ws: workspace.New(k.Guard, k.Store, k.Keys, builtin.Registry())}
	c.fill(b, core.Org, 200, func(i int) core.Selector { return core.Selector{"team": fmt.Sprint("t", i%10)} })
	for i := range users {
		u := core.User{ID: fmt.Sprintf("usr_%d", i), Name: fmt.Sprint("user", i), Role: core.RoleUser, Version: 1}
		if err := k.Store.Update(b.Context(), func(tx store.Tx) error { return tx.Users().Create(b.Context(), u) }); err != nil {
			b.Fatal(err)
		}
		c.fill(b, u.Owner(), 100, func(int) core.Selector { return nil })
		actor := core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Scopes: core.AllScopes}
		_, session, _, err := c.ws.Create(b.Context(), actor, workspace.Spec{Gateway: true, Labels: map[string]string{"team": fmt.Sprint("t", i%10)}})
		if err != nil {
			b.Fatal(err)
		}
		inside, _, err := c.ws.Session(b.Context(), string(session.Reveal()))
		if err != nil {
			b.Fatal(err)
		}
		c.users = append(c.users, inside)
	}
	return c
}

// fill stores secrets as the vault would, all in one transaction.
func (c crowd) fill(b *testing.B, o core.Owner, n int, sel func(int) core.Selector) {
	b.Helper()
	v := vault.New(c.Guard, c.Keys, vault.Limits{}, nil)
	want := make([]vault.Wanted, n)
	for i := range want {
		value := secret.FromString(fmt.Sprintf("a value of some forty characters, number %d", i))
		want[i] = vault.Wanted{Name: fmt.Sprintf("SECRET_%03d", i), Env: fmt.Sprintf("%s_%03d", o.Kind, i), Value: &value, Selector: sel(i)}
	}
	err := c.Store.Update(b.Context(), func(tx store.Tx) error {
		_, err := v.Reconcile(b.Context(), tx, func(string, string) {}, core.System("bench", o), want, false, false)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkManifest is one manifest that the trail tells of already.
func BenchmarkManifest(b *testing.B) {
	c := newCrowd(b, 50)
	for _, u := range c.users {
		if _, err := c.ws.Manifest(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m, err := c.ws.Manifest(b.Context(), c.users[i%len(c.users)])
		if err != nil || len(m.Env) != 120 {
			b.Fatal(len(m.Env), err)
		}
		i++
	}
}

// BenchmarkDirectRead reads the rows that such a manifest is made from, and opens
// those that are in it.
func BenchmarkDirectRead(b *testing.B) {
	c := newCrowd(b, 50)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n, err := c.read(b.Context(), c.users[i%len(c.users)], fmt.Sprint("t", i%len(c.users)%10))
		if err != nil || n != 120 {
			b.Fatal(n, err)
		}
		i++
	}
}

func (c crowd) read(ctx context.Context, u core.Actor, team string) (n int, err error) {
	err = c.Store.View(ctx, func(tx store.Tx) error {
		w, err := tx.Workspaces().Get(ctx, u.ID)
		if err != nil {
			return err
		}
		own, err := tx.Secrets().List(ctx, w.Owner)
		if err != nil {
			return err
		}
		all, err := tx.Secrets().Page(ctx, core.Org, store.Page{Limit: math.MaxInt32})
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.Selector["team"] != team {
				continue
			}
			one, err := tx.Secrets().Get(ctx, core.Org, s.Name)
			if err != nil {
				return err
			}
			own = append(own, one)
		}
		keys := map[core.Owner]*seal.DataKey{}
		for _, o := range []core.Owner{w.Owner, core.Org} {
			if keys[o], err = c.Keys.Open(ctx, tx.Vault(), o); err != nil {
				return err
			}
		}
		for _, s := range own {
			if _, err := keys[s.Owner].Open(seal.SecretBinding(s.Secret), s.Ciphertext); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
