package client

import (
	"context"
	"iter"
	"net/url"
	"time"

	"keyfob/api"
)

// poolPath names a pool; an empty namespace is "default".
func poolPath(provider, namespace string) string {
	if namespace == "" {
		namespace = "default"
	}
	return url.PathEscape(provider) + "/" + url.PathEscape(namespace)
}

// ListPools lists the pools in order of provider and namespace.
func (c *Client) ListPools(ctx context.Context) ([]api.Pool, error) {
	var out api.PoolList
	err := c.get(ctx, c.records+"/pools", &out)
	return out.Pools, err
}

// GetPool is one pool; an empty namespace is "default".
func (c *Client) GetPool(ctx context.Context, provider, namespace string) (api.Pool, error) {
	var out api.Pool
	err := c.get(ctx, c.records+"/pools/"+poolPath(provider, namespace), &out)
	return out, err
}

// UpdatePool changes what in names and keeps the rest.
func (c *Client) UpdatePool(ctx context.Context, provider, namespace string, in api.PoolUpdate, m Match) (api.Pool, error) {
	var out api.Pool
	err := c.patch(ctx, c.records+"/pools/"+poolPath(provider, namespace), in, m, &out)
	return out, err
}

// UsageQuery says which counts are wanted.
type UsageQuery struct {
	Since time.Time // zero: the last 30 days
	By    string    // account, model, workspace, day or, of the organisation's, user; empty: account
}

func (q UsageQuery) on(path string, p Page) string {
	v := p.query()
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	if q.By != "" {
		v.Set("by", q.By)
	}
	return withQuery(path, v)
}

// UsagePage is one page of the counts.
func (c *Client) UsagePage(ctx context.Context, q UsageQuery, p Page) (api.UsageList, error) {
	var out api.UsageList
	err := c.get(ctx, q.on(c.records+"/usage", p), &out)
	return out, err
}

// Usage walks all counts.
func (c *Client) Usage(ctx context.Context, q UsageQuery) iter.Seq2[api.Usage, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.Usage, string, error) {
		l, err := c.UsagePage(ctx, q, p)
		return l.Usage, l.Next, err
	})
}

// ListUsage is all of Usage in one list, with the time from which it counts.
func (c *Client) ListUsage(ctx context.Context, q UsageQuery) (api.UsageList, error) {
	var out api.UsageList
	usage, err := collect(all(ctx, func(ctx context.Context, p Page) ([]api.Usage, string, error) {
		l, err := c.UsagePage(ctx, q, p)
		out.Since, out.By = l.Since, l.By
		return l.Usage, l.Next, err
	}))
	out.Usage = usage
	return out, err
}

// Shared is what the organisation gives whoever asks.
func (c *Client) Shared(ctx context.Context) (api.Shared, error) {
	var out api.Shared
	err := c.get(ctx, "/v1/shared", &out)
	return out, err
}

// Status is the accounts with their cooldowns and counts since a time; the zero
// time counts the last 30 days.
func (c *Client) Status(ctx context.Context, since time.Time) (api.Status, error) {
	var out api.Status
	err := c.get(ctx, UsageQuery{Since: since}.on("/v1/status", Page{}), &out)
	return out, err
}
