package client

import (
	"context"
	"net/http"
	"net/url"

	"keyfob/api"
)

func secretPath(name string) string { return "/v1/secrets/" + url.PathEscape(name) }

// ListSecrets lists the user's secrets in order of name, without values.
func (c *Client) ListSecrets(ctx context.Context) ([]api.Secret, error) {
	var out api.SecretList
	err := c.call(ctx, http.MethodGet, "/v1/secrets", nil, &out)
	return out.Secrets, err
}

// CreateSecret makes a secret; conflict if the name is taken.
func (c *Client) CreateSecret(ctx context.Context, in api.SecretCreate) (api.Secret, error) {
	var out api.Secret
	err := c.call(ctx, http.MethodPost, "/v1/secrets", in, &out)
	return out, err
}

// GetSecret is one secret without its value.
func (c *Client) GetSecret(ctx context.Context, name string) (api.Secret, error) {
	var out api.Secret
	err := c.call(ctx, http.MethodGet, secretPath(name), nil, &out)
	return out, err
}

// UpdateSecret changes what in names and keeps the rest.
func (c *Client) UpdateSecret(ctx context.Context, name string, in api.SecretUpdate) (api.Secret, error) {
	var out api.Secret
	err := c.call(ctx, http.MethodPatch, secretPath(name), in, &out)
	return out, err
}

// DeleteSecret removes a secret for good.
func (c *Client) DeleteSecret(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, secretPath(name), nil, nil)
}

// RevealSecret shows a value; confirm repeats the name. The server writes it to
// the audit trail before it answers.
func (c *Client) RevealSecret(ctx context.Context, name, confirm string) (api.Reveal, error) {
	var out api.Reveal
	err := c.call(ctx, http.MethodPost, secretPath(name)+"/reveal", api.RevealRequest{Confirm: confirm}, &out)
	return out, err
}

// ImportSecrets takes in a whole document: all of it or nothing.
func (c *Client) ImportSecrets(ctx context.Context, in api.SecretImport) (api.ImportResult, error) {
	var out api.ImportResult
	err := c.call(ctx, http.MethodPost, "/v1/secrets/import", in, &out)
	return out, err
}
