package client

import (
	"context"
	"iter"
	"net/url"

	"keyfob/api"
)

func (c *Client) secretPath(name string) string {
	return c.records + "/secrets/" + url.PathEscape(name)
}

// SecretsPage is one page of the secrets in order of name, without values.
func (c *Client) SecretsPage(ctx context.Context, p Page) (api.SecretList, error) {
	var out api.SecretList
	err := c.get(ctx, p.on(c.records+"/secrets"), &out)
	return out, err
}

// Secrets walks all secrets in order of name, without values.
func (c *Client) Secrets(ctx context.Context) iter.Seq2[api.Secret, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.Secret, string, error) {
		l, err := c.SecretsPage(ctx, p)
		return l.Secrets, l.Next, err
	})
}

// ListSecrets is all of Secrets.
func (c *Client) ListSecrets(ctx context.Context) ([]api.Secret, error) {
	return collect(c.Secrets(ctx))
}

// CreateSecret makes a secret; conflict if the name is taken.
func (c *Client) CreateSecret(ctx context.Context, in api.SecretCreate) (api.Secret, error) {
	var out api.Secret
	err := c.create(ctx, c.records+"/secrets", in, &out)
	return out, err
}

// GetSecret is one secret without its value.
func (c *Client) GetSecret(ctx context.Context, name string) (api.Secret, error) {
	var out api.Secret
	err := c.get(ctx, c.secretPath(name), &out)
	return out, err
}

// UpdateSecret changes what in names and keeps the rest.
func (c *Client) UpdateSecret(ctx context.Context, name string, in api.SecretUpdate, m Match) (api.Secret, error) {
	var out api.Secret
	err := c.patch(ctx, c.secretPath(name), in, m, &out)
	return out, err
}

// DeleteSecret removes a secret for good.
func (c *Client) DeleteSecret(ctx context.Context, name string, m Match) error {
	return c.delete(ctx, c.secretPath(name), m)
}

// RevealSecret shows a value: in takes the secret's name again on one machine,
// an approved step-up at a server. It is written to the audit trail before the
// value leaves.
func (c *Client) RevealSecret(ctx context.Context, name string, in api.RevealRequest) (api.Reveal, error) {
	var out api.Reveal
	err := c.post(ctx, c.secretPath(name)+"/reveal", in, &out)
	return out, err
}

// ImportSecrets takes in a whole document: all of it or nothing.
func (c *Client) ImportSecrets(ctx context.Context, in api.SecretImport) (api.ImportResult, error) {
	var out api.ImportResult
	err := c.post(ctx, c.records+"/secrets/import", in, &out)
	return out, err
}

// AskStepUp asks for the approval that one reveal takes; a person approves it in
// a browser.
func (c *Client) AskStepUp(ctx context.Context, in api.StepUpAsk) (api.StepUp, error) {
	var out api.StepUp
	err := c.post(ctx, "/v1/step-ups", in, &out)
	return out, err
}

// AskTokenStepUp asks for the approval that a token takes which ends with no
// other; CreateToken then makes just that token, with the step-up's id.
func (c *Client) AskTokenStepUp(ctx context.Context, in api.TokenAsk) (api.StepUp, error) {
	var out api.StepUp
	err := c.post(ctx, "/v1/tokens/step-ups", in, &out)
	return out, err
}

// GetStepUp says how far it is.
func (c *Client) GetStepUp(ctx context.Context, id string) (api.StepUp, error) {
	var out api.StepUp
	err := c.get(ctx, "/v1/step-ups/"+url.PathEscape(id), &out)
	return out, err
}

// DecideStepUp approves or denies one. No token may: it takes a browser session
// or a proxy that vouches for the person.
func (c *Client) DecideStepUp(ctx context.Context, id string, approve bool) (api.StepUp, error) {
	verb := "/deny"
	if approve {
		verb = "/approve"
	}
	var out api.StepUp
	err := c.post(ctx, "/v1/step-ups/"+url.PathEscape(id)+verb, nil, &out)
	return out, err
}
