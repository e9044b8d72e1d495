package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/guard"
	"keyfob/internal/workspace"
)

const tagInside = "inside a workspace"

// sessionKeyRoutes are those of code inside a workspace.
func (s *Server) sessionKeyRoutes() []Route {
	const base = "/v1/workspace"
	return []Route{
		{Method: http.MethodGet, Path: base + "/manifest", ID: "getManifest", Tag: tagInside, Summary: "All that this workspace is to receive, values included",
			Who: Sessions, Acts: []string{guard.WorkspaceManifest}, Status: http.StatusOK, Confirmed: true, Exposes: true, typed: gives(s.manifest)},
		{Method: http.MethodGet, Path: base + "/secrets", ID: "listLookups", Tag: tagInside, Summary: "List the secrets that may be fetched by name",
			Who: Sessions, Acts: []string{guard.WorkspaceLookups}, Status: http.StatusOK, typed: gives(s.lookups)},
		{Method: http.MethodGet, Path: base + "/secrets/{name}", ID: "lookupSecret", Tag: tagInside, Summary: "Fetch one secret's value, byte for byte",
			Who: Sessions, Acts: []string{guard.WorkspaceLookup}, Status: http.StatusOK, Type: "text/plain", Confirmed: true, Exposes: true, typed: writes(s.lookup)},
		{Method: http.MethodPost, Path: base + "/report", ID: "reportDeliveries", Tag: tagInside, Summary: "Say what became of each delivery",
			Who: Sessions, Acts: []string{guard.WorkspaceReport}, Status: http.StatusNoContent, MaxBody: valueBody, typed: hears(s.report)},
		{Method: http.MethodPost, Path: base + "/renew", ID: "renewWorkspace", Tag: tagInside, Summary: "Say that the workspace still runs",
			Who: Sessions, Acts: []string{guard.WorkspaceRenew}, Status: http.StatusOK, typed: gives(s.renew)},
		{Method: http.MethodDelete, Path: base, ID: "leaveWorkspace", Tag: tagInside, Summary: "End this workspace",
			Who: Sessions, Acts: []string{guard.WorkspaceLeave}, Status: http.StatusNoContent, typed: does(s.leave)},
	}
}

func (s *Server) manifest(ctx context.Context, c *call) (api.Manifest, error) {
	m, err := s.Workspaces.Manifest(ctx, c.actor)
	if err != nil {
		return api.Manifest{}, err
	}
	return manifestOf(m), nil
}

func (s *Server) lookups(ctx context.Context, c *call) (api.LookupList, error) {
	list, err := s.Workspaces.Lookups(ctx, c.actor)
	return api.LookupList{Secrets: listOf(list, lookupOf)}, err
}

// lookup answers the value byte for byte.
func (s *Server) lookup(ctx context.Context, c *call) error {
	value, err := s.Workspaces.Lookup(ctx, c.actor, c.value("name"))
	if err != nil {
		return err
	}
	c.begin()
	c.status = http.StatusOK
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = c.w.Write(value.Reveal())
	return nil
}

func (s *Server) report(ctx context.Context, c *call, in api.Report) error {
	outcomes := make([]workspace.Outcome, 0, len(in.Outcomes))
	for _, o := range in.Outcomes {
		outcomes = append(outcomes, workspace.Outcome(o))
	}
	return s.Workspaces.Report(ctx, c.actor, in.Version, outcomes)
}

func (s *Server) renew(ctx context.Context, c *call) (api.WorkspaceRenewed, error) {
	until, err := s.Workspaces.Renew(ctx, c.actor)
	return api.WorkspaceRenewed{ExpiresAt: until}, err
}

func (s *Server) leave(ctx context.Context, c *call) error { return s.Workspaces.Leave(ctx, c.actor) }
