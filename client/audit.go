package client

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"

	"keyfob/api"
)

// AuditPage is one page of the audit trail, newest first.
func (c *Client) AuditPage(ctx context.Context, p Page) (api.AuditList, error) {
	var out api.AuditList
	err := c.get(ctx, p.on(c.records+"/audit"), &out)
	return out, err
}

// AuditEntries walks the whole audit trail, newest first.
func (c *Client) AuditEntries(ctx context.Context) iter.Seq2[api.AuditEntry, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.AuditEntry, string, error) {
		l, err := c.AuditPage(ctx, p)
		return l.Entries, l.Next, err
	})
}

// VerifyAudit walks the audit trail's chains against the store.
func (c *Client) VerifyAudit(ctx context.Context) (api.AuditVerification, error) {
	var out api.AuditVerification
	err := c.get(ctx, "/v1/audit/verify", &out)
	return out, err
}

// AuditKey is what checkpoints and exports are verified with.
func (c *Client) AuditKey(ctx context.Context) (api.AuditKey, error) {
	var out api.AuditKey
	err := c.get(ctx, "/v1/audit/key", &out)
	return out, err
}

// ExportAudit writes the whole audit trail to w, one JSON object a line, with
// signatures by which it can be verified elsewhere. The last line is a trailer:
// an export without one is not whole.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer) error {
	r := request{method: http.MethodGet, path: "/v1/audit/export", safe: true}
	resp, err := c.stream(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(keepError{w}, resp.Body); err != nil {
		if e, own := errors.AsType[writeError](err); own {
			return e.error
		}
		return c.overOr(ctx, err)
	}
	return nil
}

// keepError tells a failure to write from one to read.
type keepError struct{ w io.Writer }

type writeError struct{ error }

func (k keepError) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	if err != nil {
		err = writeError{err}
	}
	return n, err
}

// ApplyOrg makes the organisation's records what the spec says: all of it or
// nothing.
func (c *Client) ApplyOrg(ctx context.Context, in api.OrgApply) (api.OrgApplied, error) {
	var out api.OrgApplied
	err := c.post(ctx, "/v1/org/apply", in, &out)
	return out, err
}

// Vault says what the vault is and where its root key is kept.
func (c *Client) Vault(ctx context.Context) (api.VaultStatus, error) {
	var out api.VaultStatus
	err := c.get(ctx, "/v1/vault", &out)
	return out, err
}

// VerifyValues opens every stored value without showing any.
func (c *Client) VerifyValues(ctx context.Context) (api.ValueVerification, error) {
	var out api.ValueVerification
	err := c.get(ctx, "/v1/vault/verify", &out)
	return out, err
}

// OpenAPI is the server's description of its API (OpenAPI 3.1, JSON).
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	a, err := c.send(ctx, request{method: http.MethodGet, path: "/openapi.json", safe: true})
	return a.body, err
}
