package broker

import (
	"context"
	"time"

	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Grant is what a gateway key allows.
type Grant struct {
	Workspace string
	Owner     core.Owner
	UserName  string            // of the owner; the owner's id where there is no such user, as on one machine
	Labels    map[string]string // that selectors are held against, with those that a workspace has by itself; not to be changed
	Namespace string            // the only one it may use
	Providers map[string]string // path's provider to the provider whose accounts answer; not to be changed
	ExpiresAt time.Time         // as it was read; zero: never
}

func (g Grant) provider(path string) string {
	if p, ok := g.Providers[path]; ok {
		return p
	}
	return path
}

// Grant finds what a gateway key allows. Errors: unauthenticated for a text
// that is no gateway key (reason "not_gateway_key") or is one of no live
// workspace (reason "gateway_key_revoked"), unavailable where the store is away
// (reason "unconfirmed", known before or not). No error holds the key.
func (b *Broker) Grant(ctx context.Context, key string) (Grant, error) {
	if err := isGatewayKey(key); err != nil {
		return Grant{}, err
	}
	g, _, err := b.grants.get(ctx, digest(core.TokenDigest(key)), func() string { return "" })
	return g, err
}

func isGatewayKey(key string) error {
	if core.IsToken(key, core.GatewayKeyPrefix) {
		return nil
	}
	return core.Errorf(core.Unauthenticated, "this is not a Keyfob gateway key").WithReason("not_gateway_key").
		WithHint("send the workspace's KEYFOB_GATEWAY_KEY where the provider's key would stand")
}

const (
	defaultGrace = 5 * time.Minute
	// noGrace is how far behind a feed may be that reaches its store.
	noGrace = 2 * time.Second
)

// confirmer says how long a grant is believed that nobody took back.
type confirmer struct {
	feed  *change.Feed // nil: for ever
	grace time.Duration
}

func newConfirmer(feed *change.Feed, grace time.Duration) confirmer {
	switch {
	case grace == 0:
		grace = defaultGrace
	case grace < noGrace:
		grace = noGrace
	}
	return confirmer{feed, grace}
}

// good says whether a grant holds without asking the store: it has not expired,
// and either it was read or the feed was heard within the grace.
func (c confirmer) good(g *grant, now time.Time) bool {
	if !g.ExpiresAt.IsZero() && !now.Before(g.ExpiresAt) {
		return false
	}
	return c.feed == nil || now.Sub(g.read) <= c.grace || now.Sub(c.feed.Confirmed()) <= c.grace
}

// readGrant reads the workspace of a gateway key, and whose it is.
func readGrant(ctx context.Context, st store.Store, d digest) (*grant, error) {
	var w core.Workspace
	var u core.User
	begun := time.Now()
	err := st.View(ctx, func(tx store.Tx) (err error) {
		if w, err = tx.Workspaces().ByGateway(ctx, d[:]); err != nil {
			return err
		}
		u, err = tx.Users().Get(ctx, w.Owner.ID)
		if core.CodeOf(err) == core.NotFound {
			u, err = core.User{Name: w.Owner.ID}, nil
		}
		return err
	})
	if core.CodeOf(err) == core.NotFound || err == nil && (u.Disabled || !w.LiveAt(begun)) {
		return nil, revoked()
	}
	if err != nil {
		return nil, err
	}
	ns := w.Namespace
	if ns == "" {
		ns = core.DefaultNamespace
	}
	return &grant{read: begun, Grant: Grant{
		Workspace: w.ID, Owner: w.Owner, UserName: u.Name, Labels: w.MatchLabels(u.Name), Namespace: ns,
		Providers: w.Providers, ExpiresAt: w.ExpiresAt,
	}}, nil
}

func revoked() error {
	return core.Errorf(core.Unauthenticated, "this gateway key belongs to no live workspace").WithReason("gateway_key_revoked").
		WithHint("start the command again with keyfob run")
}

func unconfirmed(err error) error {
	e := core.Errorf(core.Unavailable, "whether this gateway key still holds cannot be found out").WithReason("unconfirmed").
		WithHint("the vault's store is away; try again soon").Wrap(err)
	e.RetryAfter = time.Second
	return e
}
