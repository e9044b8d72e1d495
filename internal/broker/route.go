package broker

import (
	"context"
	"log/slog"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// route is the pools that one request may use: the user's own, then the
// organisation's, as one.
type route struct {
	key      poolKey
	adapter  provider.Adapter
	own, org *pool // nil: there is none
}

// admit gives the way of a call.
func (b *Broker) admit(ctx context.Context, c Call) (route, error) {
	if c.Namespace != c.Grant.Namespace {
		return route{}, core.Errorf(core.Forbidden, "this gateway key is not for namespace %q", c.Namespace).WithReason("foreign_namespace").
			WithHint("it is for namespace %q; keyfob run --namespace chooses another", c.Grant.Namespace)
	}
	r := route{key: poolKey{c.Grant.provider(c.Provider), c.Grant.Namespace}}
	var err error
	if r.adapter, err = b.Providers.Get(r.key.provider); err != nil {
		return route{}, err
	}
	own, err := b.owner(ctx, c.Grant.Owner)
	if err != nil {
		return route{}, err
	}
	r.own = own.pools[r.key]
	if c.Grant.Owner == core.Org {
		return r, r.usable()
	}
	org, err := b.owner(ctx, core.Org)
	if err != nil && r.own == nil {
		return route{}, err
	}
	if err != nil {
		b.Log.LogAttrs(ctx, slog.LevelWarn, "the organisation's accounts are not known", slog.String("cause", err.Error()))
		return r, r.usable()
	}
	r.org = org.pools[r.key]
	return r, r.usable()
}

// usable gives an error where there would be an account, but none can be used.
func (r route) usable() error {
	var first *broken
	for _, p := range [...]*pool{r.own, r.org} {
		if p == nil {
			continue
		}
		if m := p.members.Load(); m == nil || len(*m) > 0 {
			return nil
		}
		if b := p.broken.Load(); first == nil {
			first = b
		}
	}
	if first == nil {
		return nil
	}
	return first.unusable()
}

func (b *broken) unusable() error {
	if core.CodeOf(b.err) == core.Invalid {
		return core.Errorf(core.Unavailable, "the base URL of %s is none that this server sends to", b.ref).WithReason("upstream_refused").
			WithHint("whoever runs the server can allow its host (upstream_allow); else keyfob account edit sets the service's public https address")
	}
	return core.Errorf(core.Unavailable, "the credential of %s does not open", b.ref).WithReason("sealed_mismatch").
		WithHint("its record was changed or another root key is in use; keyfob doctor says more, keyfob account rm and add put it right")
}

// picker is where accounts come from.
func (r route) picker() failover.Picker {
	switch {
	case r.own != nil && r.org != nil:
		return failover.Chain(r.own.failover, r.org.failover)
	case r.own != nil:
		return r.own.failover
	case r.org != nil:
		return r.org.failover
	}
	return failover.NewPool(failover.Options{})
}

// picky says whether some account is not for every workspace; limited, whether
// some has a limit for each user.
func (r route) picky() (picky, limited bool) {
	for _, p := range [...]*pool{r.own, r.org} {
		if p != nil {
			picky, limited = picky || p.picky.Load(), limited || p.limited.Load()
		}
	}
	return picky, limited
}

// account finds one of either pool.
func (r route) account(id string) *account {
	if a := r.own.account(id); a != nil {
		return a
	}
	return r.org.account(id)
}
