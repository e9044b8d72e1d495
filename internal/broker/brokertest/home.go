// Package brokertest sets up what a broker stands on, all of it real: a store
// in a directory, sealed accounts, live workspaces with their keys. Tests and
// the benchmark share it.
package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/broker"
	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upstream"
	"keyfob/internal/usage"
	"keyfob/internal/workspace"
)

// Options change what Open makes.
type Options struct {
	Log     *slog.Logger // nil: none
	Environ []string
	CAFile  string
	Idle    bool // neither the broker nor its feed runs
	// Upstreams is where accounts may be; the zero value: anywhere.
	Upstreams upstream.Rules
	// Grace is the broker's; 0: its default.
	Grace time.Duration
	// Store changes what the broker and its feed see of the store; nil: nothing.
	Store func(store.Store) store.Store
	// Adapter changes each adapter; nil changes none.
	Adapter func(provider.Adapter) provider.Adapter
}

// Home is a vault as one process has it open. Opening the same directory again
// is a second process.
type Home struct {
	Store      store.Store
	Keys       *seal.Keys
	Providers  provider.Registry
	Guard      *guard.Guard
	Accounts   *account.Accounts
	Workspaces *workspace.Workspaces
	Usage      *usage.Counter
	Feed       *change.Feed
	Broker     *broker.Broker

	stop context.CancelFunc
	done []chan error
}

// Open opens the vault in a directory, and makes it the first time.
func Open(ctx context.Context, dir string, o Options) (*Home, error) {
	root, err := rootKey(filepath.Join(dir, "test-root.key"))
	if err != nil {
		return nil, err
	}
	st, err := sqlite.Open(ctx, filepath.Join(dir, "keyfob.db"))
	if err != nil {
		return nil, err
	}
	h := &Home{Store: st, Keys: seal.NewKeys(root), Providers: adapters(o.Adapter)}
	if err := h.wire(o); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	if !o.Idle {
		h.run(ctx, h.Feed.Run)
		h.run(ctx, h.Broker.Run)
	}
	return h, nil
}

func (h *Home) wire(o Options) error {
	h.Guard = guard.New(h.Store, "test")
	seen := h.Store
	if o.Store != nil {
		seen = o.Store(seen)
	}
	h.Usage = usage.NewCounter(seen)
	h.Feed = change.New(seen, 0)
	var err error
	h.Broker, err = broker.New(broker.Config{
		Store: seen, Keys: h.Keys, Providers: h.Providers, Usage: h.Usage, Feed: h.Feed,
		CAFile: o.CAFile, Environ: o.Environ, Log: o.Log, Upstreams: o.Upstreams, Grace: o.Grace,
	})
	h.Accounts = account.New(h.Guard, h.Keys, h.Providers, h.Broker, o.Upstreams)
	h.Workspaces = workspace.New(h.Guard, h.Store, h.Keys, h.Providers)
	return err
}

func (h *Home) run(ctx context.Context, fn func(context.Context) error) {
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	h.done = append(h.done, done)
}

// Close ends it as a process ends in good order.
func (h *Home) Close() error {
	ctx := context.Background()
	err := h.Broker.Close(ctx)
	return errors.Join(err, h.Kill())
}

// Kill ends it without making anything durable, as kill -9 would.
func (h *Home) Kill() error {
	h.stop()
	var errs []error
	for _, done := range h.done {
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, h.Store.Close())...)
}

// Account adds an account with this key at this upstream.
func (h *Home) Account(ctx context.Context, providerID, label, key, baseURL string) (core.Account, error) {
	return h.Accounts.Add(ctx, core.LocalUser, account.NewAccount{
		Provider: providerID, Label: label, Key: secret.FromString(key), BaseURL: baseURL,
	})
}

// OrgAccount adds one of the organisation's.
func (h *Home) OrgAccount(ctx context.Context, a account.NewAccount) (core.Account, error) {
	return h.Accounts.Add(ctx, core.LocalUser.On(core.Org), a)
}

// User makes a user.
func (h *Home) User(ctx context.Context, name string) (core.Actor, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	u := core.User{ID: core.NewID("usr"), Name: name, Role: core.RoleUser, Version: 1, CreatedAt: now, UpdatedAt: now}
	err := h.Store.Update(ctx, func(tx store.Tx) error { return tx.Users().Create(ctx, u) })
	return core.Actor{
		Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Scopes: core.AllScopes, Via: core.Via{Kind: core.ViaToken, ID: "tok"},
	}, err
}

// Workspace makes a live workspace and gives its gateway key.
func (h *Home) Workspace(ctx context.Context, s workspace.Spec) (core.Workspace, string, error) {
	return h.WorkspaceOf(ctx, core.LocalUser, s)
}

// WorkspaceOf is Workspace for another user.
func (h *Home) WorkspaceOf(ctx context.Context, actor core.Actor, s workspace.Spec) (core.Workspace, string, error) {
	s.Gateway = true
	w, _, key, err := h.Workspaces.Create(ctx, actor, s)
	return w, string(key.Reveal()), err
}

func adapters(change func(provider.Adapter) provider.Adapter) provider.Registry {
	r := builtin.Registry()
	if change == nil {
		return r
	}
	var out []provider.Adapter
	for _, id := range r.IDs() {
		if a, err := r.Get(id); err == nil {
			out = append(out, change(a))
		}
	}
	return provider.NewRegistry(out...)
}

func rootKey(path string) (seal.RootKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		b = make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return seal.RootKey{}, err
	}
	return seal.NewRootKey(secret.New(b))
}
