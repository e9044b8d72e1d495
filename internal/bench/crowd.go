package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// crowd is a server's store with many users, and the use cases over it.
type crowd struct {
	store  store.Store
	vault  *vault.Vault
	places *workspace.Workspaces
	people *identity.Identity
	users  []member
	end    func() error
}

// member is a user with a token, and the session keys of their workspaces.
type member struct {
	actor    core.Actor
	token    string
	sessions []string
}

type size struct{ users, secrets, places int }

// newCrowd makes users with that many secrets each, the organisation's hundred
// beside them, and workspaces dealt out among them.
func newCrowd(ctx context.Context, n size) (c *crowd, err error) {
	dir, err := os.MkdirTemp("", "keyfob-bench-*")
	if err != nil {
		return nil, err
	}
	c = &crowd{end: func() error { return os.RemoveAll(dir) }}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.end())
		}
	}()
	h, err := brokertest.Open(ctx, dir, brokertest.Options{Idle: true})
	if err != nil {
		return nil, err
	}
	c.end, c.store, c.places = closeAll(h.Kill, c.end), h.Store, h.Workspaces
	c.vault = vault.New(h.Guard, h.Keys, vault.Limits{}, nil)
	if c.people, err = identity.New(identity.Config{Guard: h.Guard, Store: h.Store}); err != nil {
		return nil, err
	}
	return c, c.fill(ctx, n)
}

func (c *crowd) fill(ctx context.Context, n size) error {
	err := c.store.Update(ctx, func(tx store.Tx) error { return c.secrets(ctx, tx, core.Org, 100) })
	for first := 0; first < n.users && err == nil; first += 50 {
		err = c.store.Update(ctx, func(tx store.Tx) error {
			for i := first; i < min(first+50, n.users); i++ {
				if err := c.join(ctx, tx, i, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// join makes a user as identity, vault and workspace would.
func (c *crowd) join(ctx context.Context, tx store.Tx, i int, n size) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	u := core.User{ID: fmt.Sprintf("usr_%06d", i), Name: fmt.Sprintf("user%06d", i), Role: core.RoleUser, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := tx.Users().Create(ctx, u); err != nil {
		return err
	}
	m := member{actor: core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Scopes: core.AllScopes}}
	text := core.NewToken(core.PersonalPrefix)
	m.token = string(text.Reveal())
	if err := tx.Tokens().Create(ctx, core.Token{
		ID: core.NewID("tok"), UserID: u.ID, Name: "bench", Digest: core.TokenDigest(m.token), Scopes: core.SecretsRead,
		CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}); err != nil {
		return err
	}
	if err := c.secrets(ctx, tx, u.Owner(), n.secrets); err != nil {
		return err
	}
	for p := i; p < n.places; p += n.users {
		session := string(core.NewToken(core.SessionKeyPrefix).Reveal())
		err := tx.Workspaces().Create(ctx, core.Workspace{
			ID: core.NewID("wsp"), Owner: u.Owner(), Labels: team(p), Namespace: core.DefaultNamespace, Gateway: true,
			SessionDigest: core.TokenDigest(session), Version: 1, CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			return err
		}
		m.sessions = append(m.sessions, session)
	}
	c.users = append(c.users, m)
	return nil
}

// team is one of ten labels.
func team(i int) map[string]string { return map[string]string{"team": fmt.Sprint("t", i%10)} }

// secrets makes an owner's; of the organisation's each is for one team.
func (c *crowd) secrets(ctx context.Context, tx store.Tx, o core.Owner, n int) error {
	want := make([]vault.Wanted, n)
	for i := range want {
		value := secret.FromString(fmt.Sprintf("a value of some forty characters, number %d", i))
		want[i] = vault.Wanted{Name: fmt.Sprintf("SECRET_%03d", i), Env: fmt.Sprintf("%s_%03d", o.Kind, i), Value: &value}
		if o == core.Org {
			want[i].Selector = team(i)
		}
	}
	_, err := c.vault.Reconcile(ctx, tx, func(string, string) {}, core.System("bench", o), want, false, false)
	return err
}
