package client

import (
	"context"
	"iter"
	"net/url"

	"keyfob/api"
)

// AccountRef names an account. An empty Namespace is "default".
type AccountRef struct{ Provider, Namespace, Label string }

func (c *Client) accountPath(r AccountRef) string {
	return c.records + "/accounts/" + poolPath(r.Provider, r.Namespace) + "/" + url.PathEscape(r.Label)
}

// ListProviders lists the providers that accounts can be at.
func (c *Client) ListProviders(ctx context.Context) ([]api.Provider, error) {
	var out api.ProviderList
	err := c.get(ctx, "/v1/providers", &out)
	return out.Providers, err
}

// GetProvider is one provider; invalid, with those there are, for an unknown one.
func (c *Client) GetProvider(ctx context.Context, id string) (api.Provider, error) {
	var out api.Provider
	err := c.get(ctx, "/v1/providers/"+url.PathEscape(id), &out)
	return out, err
}

// AccountsPage is one page of the accounts by pool and position, without
// credentials.
func (c *Client) AccountsPage(ctx context.Context, p Page) (api.AccountList, error) {
	var out api.AccountList
	err := c.get(ctx, p.on(c.records+"/accounts"), &out)
	return out, err
}

// Accounts walks all accounts by pool and position, without credentials.
func (c *Client) Accounts(ctx context.Context) iter.Seq2[api.Account, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.Account, string, error) {
		l, err := c.AccountsPage(ctx, p)
		return l.Accounts, l.Next, err
	})
}

// ListAccounts is all of Accounts.
func (c *Client) ListAccounts(ctx context.Context) ([]api.Account, error) {
	return collect(c.Accounts(ctx))
}

// CreateAccount adds an account at the end of its pool.
func (c *Client) CreateAccount(ctx context.Context, in api.AccountCreate) (api.Account, error) {
	var out api.Account
	err := c.create(ctx, c.records+"/accounts", in, &out)
	return out, err
}

// GetAccount is one account without its credential.
func (c *Client) GetAccount(ctx context.Context, r AccountRef) (api.Account, error) {
	var out api.Account
	err := c.get(ctx, c.accountPath(r), &out)
	return out, err
}

// UpdateAccount changes what in names and keeps the rest.
func (c *Client) UpdateAccount(ctx context.Context, r AccountRef, in api.AccountUpdate, m Match) (api.Account, error) {
	var out api.Account
	err := c.patch(ctx, c.accountPath(r), in, m, &out)
	return out, err
}

// DeleteAccount removes an account and its credential for good.
func (c *Client) DeleteAccount(ctx context.Context, r AccountRef, m Match) error {
	return c.delete(ctx, c.accountPath(r), m)
}

// ClearAccount drops what is held against an account, such as a cooldown.
func (c *Client) ClearAccount(ctx context.Context, r AccountRef) error {
	return c.post(ctx, c.accountPath(r)+"/clear", nil, nil)
}

// TestAccount sends one request that costs nothing to the provider.
func (c *Client) TestAccount(ctx context.Context, r AccountRef) (api.AccountTest, error) {
	var out api.AccountTest
	err := c.post(ctx, c.accountPath(r)+"/test", nil, &out)
	return out, err
}
