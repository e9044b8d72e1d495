package httpapi

import (
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/workspace"
)

func (s *Server) listWorkspaces(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	list, err := s.Workspaces.List(r.Context(), actor)
	if err != nil {
		return err
	}
	out := api.WorkspaceList{Workspaces: make([]api.Workspace, 0, len(list))}
	for _, one := range list {
		out.Workspaces = append(out.Workspaces, workspaceOf(one))
	}
	return reply(w, http.StatusOK, out)
}

func (s *Server) createWorkspace(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.WorkspaceCreate
	if err := decode(w, r, &in); err != nil {
		return err
	}
	made, session, gateway, err := s.Workspaces.Create(r.Context(), actor, workspace.Spec{
		Labels: in.Labels, Namespace: in.Namespace, Only: in.Only, Except: in.Except,
		Providers: in.Providers, Gateway: in.Gateway, Process: in.Process,
	})
	if err != nil {
		return err
	}
	out := api.WorkspaceCreated{Workspace: workspaceOf(made), SessionKey: api.NewValue(session.Reveal())}
	if !gateway.IsZero() {
		out.GatewayKey = api.NewValue(gateway.Reveal())
	}
	return reply(w, http.StatusCreated, out)
}

func (s *Server) endWorkspace(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	if err := s.Workspaces.End(r.Context(), actor, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) manifest(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	m, err := s.Workspaces.Manifest(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, manifestOf(m))
}

func (s *Server) lookups(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	list, err := s.Workspaces.Lookups(r.Context(), actor)
	if err != nil {
		return err
	}
	out := api.LookupList{Secrets: make([]api.LookupDelivery, 0, len(list))}
	for _, one := range list {
		out.Secrets = append(out.Secrets, api.LookupDelivery{Secret: one.Name, Description: one.Description})
	}
	return reply(w, http.StatusOK, out)
}

// lookup answers the value byte for byte.
func (s *Server) lookup(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	value, err := s.Workspaces.Lookup(r.Context(), actor, r.PathValue("name"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(value.Reveal())
	return nil
}

func (s *Server) report(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.Report
	if err := decode(w, r, &in); err != nil {
		return err
	}
	outcomes := make([]workspace.Outcome, 0, len(in.Outcomes))
	for _, o := range in.Outcomes {
		outcomes = append(outcomes, workspace.Outcome(o))
	}
	if err := s.Workspaces.Report(r.Context(), actor, in.Version, outcomes); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func workspaceOf(w core.Workspace) api.Workspace {
	return api.Workspace{ID: w.ID, Labels: w.Labels, CreatedAt: w.CreatedAt}
}
