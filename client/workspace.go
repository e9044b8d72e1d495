package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"keyfob/api"
)

// CreateWorkspace makes a live workspace; both keys are in the answer, this
// once.
func (c *Client) CreateWorkspace(ctx context.Context, in api.WorkspaceCreate) (api.WorkspaceCreated, error) {
	var out api.WorkspaceCreated
	err := c.call(ctx, http.MethodPost, "/v1/workspaces", in, &out)
	return out, err
}

// ListWorkspaces lists the live workspaces, oldest first.
func (c *Client) ListWorkspaces(ctx context.Context) ([]api.Workspace, error) {
	var out api.WorkspaceList
	err := c.call(ctx, http.MethodGet, "/v1/workspaces", nil, &out)
	return out.Workspaces, err
}

// EndWorkspace ends a workspace: both its keys stop working.
func (c *Client) EndWorkspace(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/workspaces/"+url.PathEscape(id), nil, nil)
}

// Status is the accounts with their cooldowns and counts since a time; the zero
// time counts the last 30 days.
func (c *Client) Status(ctx context.Context, since time.Time) (api.Status, error) {
	path := "/v1/status"
	if !since.IsZero() {
		path += "?since=" + url.QueryEscape(since.UTC().Format(time.RFC3339))
	}
	var out api.Status
	err := c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

// Audit is the newest limit entries (1 to 1,000) of the audit trail.
func (c *Client) Audit(ctx context.Context, limit int) ([]api.AuditEntry, error) {
	var out api.AuditList
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/v1/audit?limit=%d", limit), nil, &out)
	return out.Entries, err
}

// VerifyAudit walks the audit trail's chains against the store.
func (c *Client) VerifyAudit(ctx context.Context) (api.AuditVerification, error) {
	var out api.AuditVerification
	err := c.call(ctx, http.MethodGet, "/v1/audit/verify", nil, &out)
	return out, err
}

// VerifyValues opens every stored value without showing any.
func (c *Client) VerifyValues(ctx context.Context) (api.ValueVerification, error) {
	var out api.ValueVerification
	err := c.call(ctx, http.MethodGet, "/v1/vault/verify", nil, &out)
	return out, err
}

// Vault says what the vault is and where its root key is kept.
func (c *Client) Vault(ctx context.Context) (api.VaultStatus, error) {
	var out api.VaultStatus
	err := c.call(ctx, http.MethodGet, "/v1/vault", nil, &out)
	return out, err
}

// Workspace speaks for code inside a live workspace, by its session key. It is
// safe for concurrent use.
type Workspace struct{ wire }

// NewWorkspace makes a Workspace; Options.Token is the session key.
func NewWorkspace(o Options) *Workspace { return &Workspace{newWire(o)} }

// Manifest is what this workspace is to receive now. It holds values, and each
// call is written to the audit trail.
func (w *Workspace) Manifest(ctx context.Context) (api.Manifest, error) {
	var out api.Manifest
	err := w.call(ctx, http.MethodGet, "/v1/workspace/manifest", nil, &out)
	return out, err
}

// Lookups lists the secrets that Lookup would answer for, without values.
func (w *Workspace) Lookups(ctx context.Context) ([]api.LookupDelivery, error) {
	var out api.LookupList
	err := w.call(ctx, http.MethodGet, "/v1/workspace/secrets", nil, &out)
	return out.Secrets, err
}

// Lookup fetches one secret's value, byte for byte. Each call is written to the
// audit trail.
func (w *Workspace) Lookup(ctx context.Context, name string) (api.Value, error) {
	b, err := w.raw(ctx, http.MethodGet, "/v1/workspace/secrets/"+url.PathEscape(name), nil)
	if err != nil {
		return api.Value{}, err
	}
	return api.NewValue(b), nil
}

// Report says what became of each delivery.
func (w *Workspace) Report(ctx context.Context, r api.Report) error {
	return w.call(ctx, http.MethodPost, "/v1/workspace/report", r, nil)
}
