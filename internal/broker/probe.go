package broker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

const (
	probeLimit = 30 * time.Second
	probeBody  = 4 << 20
)

// Probe sends the adapter's request for its models with this credential and
// gives the answer, with at most 4 MiB of its body. It takes at most 30 s and
// follows no redirect. Errors are of code unavailable: the upstream was not
// reached; or have the reason "upstream_refused": Config.Upstreams does not allow
// it. It implements account.Prober.
func (b *Broker) Probe(ctx context.Context, a core.Account, cred secret.Secret) (int, http.Header, []byte, error) {
	ad, err := b.Providers.Get(a.Provider)
	if err != nil {
		return 0, nil, nil, err
	}
	if err := b.Upstreams.CheckURL(a.BaseURL); err != nil {
		return 0, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req := ad.ModelsRequest().Clone(fewInterim(ctx))
	c, err := newAccount(core.SealedAccount{Account: a}, cred)
	if err != nil {
		return 0, nil, nil, err
	}
	if err := c.apply(ad, req); err != nil {
		return 0, nil, nil, err
	}
	resp, err := b.base.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, unreachable(a, err)
	}
	defer resp.Body.Close() //nolint:errcheck // the answer has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, probeBody))
	if err != nil {
		return 0, nil, nil, unreachable(a, err)
	}
	return resp.StatusCode, resp.Header, body, nil
}

func unreachable(a core.Account, err error) error {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e // the address is not allowed
	}
	return core.Errorf(core.Unavailable, "the upstream of %s cannot be reached", a.Ref()).WithReason("upstream_unreachable").
		WithHint("check the network, HTTPS_PROXY and the account's base URL, %s", a.BaseURL).Wrap(err)
}
