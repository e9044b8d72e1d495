package client

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"keyfob/api"
)

func (c *Client) workspacePath(id string) string {
	return c.places + "/workspaces/" + url.PathEscape(id)
}

// CreateWorkspace makes a live workspace; both keys are in the answer, this
// once. Where an answer was lost on the way, the keys that it held are replaced.
func (c *Client) CreateWorkspace(ctx context.Context, in api.WorkspaceCreate) (api.WorkspaceCreated, error) {
	r := creation(c.places+"/workspaces", in)
	a, err := c.send(ctx, r)
	var out api.WorkspaceCreated
	switch {
	case errors.Is(err, &api.Error{Code: api.CodeConflict, Reason: api.ReasonAlreadyMade}):
		// Nobody has seen the keys, so to replace them twice does no harm.
		id := path.Base(a.header.Get("Location"))
		again := request{method: http.MethodPost, path: c.workspacePath(id) + "/rotate", match: Any, safe: true}
		return out, c.call(ctx, again, &out)
	case err != nil:
		return out, err
	}
	return out, decode(a.body, r, &out)
}

// WorkspaceQuery says which workspaces are wanted; the zero value: the live ones.
type WorkspaceQuery struct {
	Ended    bool              // ended ones too
	Labels   map[string]string // those that have all of these
	Launcher string            // those that the launcher of this name made; not with For
}

func (q WorkspaceQuery) on(path string, p Page) string {
	v := p.query()
	if q.Ended {
		v.Set("ended", "true")
	}
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(q.Labels)) {
		labels = append(labels, k+"="+q.Labels[k])
	}
	if len(labels) > 0 {
		v.Set("label", strings.Join(labels, ","))
	}
	if q.Launcher != "" {
		v.Set("launcher", q.Launcher)
	}
	return withQuery(path, v)
}

// WorkspacesPage is one page of the workspaces, newest first.
func (c *Client) WorkspacesPage(ctx context.Context, q WorkspaceQuery, p Page) (api.WorkspaceList, error) {
	var out api.WorkspaceList
	err := c.get(ctx, q.on(c.places+"/workspaces", p), &out)
	return out, err
}

// Workspaces walks the workspaces, newest first.
func (c *Client) Workspaces(ctx context.Context, q WorkspaceQuery) iter.Seq2[api.Workspace, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.Workspace, string, error) {
		l, err := c.WorkspacesPage(ctx, q, p)
		return l.Workspaces, l.Next, err
	})
}

// ListWorkspaces is all live ones.
func (c *Client) ListWorkspaces(ctx context.Context) ([]api.Workspace, error) {
	return collect(c.Workspaces(ctx, WorkspaceQuery{}))
}

// GetWorkspace is one workspace, also one that has ended.
func (c *Client) GetWorkspace(ctx context.Context, id string) (api.Workspace, error) {
	var out api.Workspace
	err := c.get(ctx, c.workspacePath(id), &out)
	return out, err
}

// UpdateWorkspace changes what in names and keeps the rest.
func (c *Client) UpdateWorkspace(ctx context.Context, id string, in api.WorkspaceUpdate, m Match) (api.Workspace, error) {
	var out api.Workspace
	err := c.patch(ctx, c.workspacePath(id), in, m, &out)
	return out, err
}

// RotateWorkspace replaces both keys; the old ones stop working at once.
func (c *Client) RotateWorkspace(ctx context.Context, id string, m Match) (api.WorkspaceCreated, error) {
	var out api.WorkspaceCreated
	r := request{method: http.MethodPost, path: c.workspacePath(id) + "/rotate", match: m}
	return out, c.call(ctx, r, &out)
}

// EndWorkspace ends a workspace: both its keys stop working.
func (c *Client) EndWorkspace(ctx context.Context, id string, m Match) error {
	return c.delete(ctx, c.workspacePath(id), m)
}

// Workspace speaks for code inside a live workspace, by its session key. It is
// safe for concurrent use.
type Workspace struct{ wire }

// NewWorkspace makes a Workspace; Options.Token is the session key.
func NewWorkspace(o Options) *Workspace {
	return &Workspace{newWire(o, "is the keyfob that started this workspace still running?")}
}

// Manifest is what this workspace is to receive now. It holds values, and each
// call is written to the audit trail.
func (w *Workspace) Manifest(ctx context.Context) (api.Manifest, error) {
	var out api.Manifest
	err := w.get(ctx, "/v1/workspace/manifest", &out)
	return out, err
}

// Lookups lists the secrets that Lookup would answer for, without values.
func (w *Workspace) Lookups(ctx context.Context) ([]api.LookupDelivery, error) {
	var out api.LookupList
	err := w.get(ctx, "/v1/workspace/secrets", &out)
	return out.Secrets, err
}

// Lookup fetches one secret's value, byte for byte. Each call is written to the
// audit trail.
func (w *Workspace) Lookup(ctx context.Context, name string) (api.Value, error) {
	a, err := w.send(ctx, request{method: http.MethodGet, path: "/v1/workspace/secrets/" + url.PathEscape(name), safe: true})
	if err != nil {
		return api.Value{}, err
	}
	return api.NewValue(a.body), nil
}

// Report says what became of each delivery.
func (w *Workspace) Report(ctx context.Context, r api.Report) error {
	return w.post(ctx, "/v1/workspace/report", r, nil)
}

// Renew says that the workspace still runs: where it expires, it is good for at
// least ten minutes from now. Saying so twice does no harm.
func (w *Workspace) Renew(ctx context.Context) (api.WorkspaceRenewed, error) {
	var out api.WorkspaceRenewed
	err := w.call(ctx, request{method: http.MethodPost, path: "/v1/workspace/renew", safe: true}, &out)
	return out, err
}

// Leave ends the workspace itself: both its keys stop working.
func (w *Workspace) Leave(ctx context.Context) error { return w.delete(ctx, "/v1/workspace", "") }
