package client

import (
	"context"
	"net/http"
	"net/url"

	"keyfob/api"
)

// AccountRef names an account. An empty Namespace is "default".
type AccountRef struct{ Provider, Namespace, Label string }

func (r AccountRef) path() string {
	ns := r.Namespace
	if ns == "" {
		ns = "default"
	}
	return "/v1/accounts/" + url.PathEscape(r.Provider) + "/" + url.PathEscape(ns) + "/" + url.PathEscape(r.Label)
}

// ListProviders lists the providers that accounts can be at.
func (c *Client) ListProviders(ctx context.Context) ([]api.Provider, error) {
	var out api.ProviderList
	err := c.call(ctx, http.MethodGet, "/v1/providers", nil, &out)
	return out.Providers, err
}

// GetProvider is one provider; invalid, with those there are, for an unknown one.
func (c *Client) GetProvider(ctx context.Context, id string) (api.Provider, error) {
	var out api.Provider
	err := c.call(ctx, http.MethodGet, "/v1/providers/"+url.PathEscape(id), nil, &out)
	return out, err
}

// ListAccounts lists the user's accounts by pool and position, without
// credentials.
func (c *Client) ListAccounts(ctx context.Context) ([]api.Account, error) {
	var out api.AccountList
	err := c.call(ctx, http.MethodGet, "/v1/accounts", nil, &out)
	return out.Accounts, err
}

// CreateAccount adds an account at the end of its pool.
func (c *Client) CreateAccount(ctx context.Context, in api.AccountCreate) (api.Account, error) {
	var out api.Account
	err := c.call(ctx, http.MethodPost, "/v1/accounts", in, &out)
	return out, err
}

// GetAccount is one account without its credential.
func (c *Client) GetAccount(ctx context.Context, r AccountRef) (api.Account, error) {
	var out api.Account
	err := c.call(ctx, http.MethodGet, r.path(), nil, &out)
	return out, err
}

// UpdateAccount changes what in names and keeps the rest.
func (c *Client) UpdateAccount(ctx context.Context, r AccountRef, in api.AccountUpdate) (api.Account, error) {
	var out api.Account
	err := c.call(ctx, http.MethodPatch, r.path(), in, &out)
	return out, err
}

// DeleteAccount removes an account and its credential for good.
func (c *Client) DeleteAccount(ctx context.Context, r AccountRef) error {
	return c.call(ctx, http.MethodDelete, r.path(), nil, nil)
}

// ClearAccount drops what is held against an account, such as a cooldown.
func (c *Client) ClearAccount(ctx context.Context, r AccountRef) error {
	return c.call(ctx, http.MethodPost, r.path()+"/clear", nil, nil)
}

// TestAccount sends one request that costs nothing to the provider.
func (c *Client) TestAccount(ctx context.Context, r AccountRef) (api.AccountTest, error) {
	var out api.AccountTest
	err := c.call(ctx, http.MethodPost, r.path()+"/test", nil, &out)
	return out, err
}
