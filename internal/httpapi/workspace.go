package httpapi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
)

const tagWorkspaces = "workspaces"

func (s *Server) workspaceRoutes() []Route {
	const all, one = "/v1/workspaces", "/v1/workspaces/{id}"
	return []Route{
		{Method: http.MethodGet, Path: all, ID: "listWorkspaces", Tag: tagWorkspaces, Summary: "List workspaces, newest first: the live ones",
			Who: Users, Acts: []string{guard.WorkspaceList}, Status: http.StatusOK, Paged: true, Query: []Param{endedParam(), labelParam(), {Name: "launcher", Text: "the name of the launcher that made them"}}, typed: gives(s.listWorkspaces)},
		{Method: http.MethodPost, Path: all, ID: "createWorkspace", Tag: tagWorkspaces, Summary: "Make a workspace and show its keys, once",
			Text: "Sent again with the same Idempotency-Key it is 409 with the Location of what was made; rotate its keys to get some.",
			Who:  Users, Acts: []string{guard.WorkspaceCreate}, Status: http.StatusCreated, Once: true, Tagged: true, Confirmed: true, Exposes: true, typed: takes(s.createWorkspace)},
		{Method: http.MethodGet, Path: one, ID: "getWorkspace", Tag: tagWorkspaces, Summary: "Show one workspace",
			Text: "When it expires is no part of its version.",
			Who:  Users, Acts: []string{guard.WorkspaceGet}, Status: http.StatusOK, Tagged: true, typed: gives(s.getWorkspace)},
		{Method: http.MethodPatch, Path: one, ID: "updateWorkspace", Tag: tagWorkspaces, Summary: "Change a live workspace's labels",
			Who: Users, Acts: []string{guard.WorkspaceUpdate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getWorkspace), typed: takes(s.updateWorkspace)},
		{Method: http.MethodDelete, Path: one, ID: "endWorkspace", Tag: tagWorkspaces, Summary: "Stop a workspace: its keys are worth nothing at once",
			Who: Users, Acts: []string{guard.WorkspaceEnd}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getWorkspace), typed: does(s.endWorkspace)},
		{Method: http.MethodPost, Path: one + "/rotate", ID: "rotateWorkspace", Tag: tagWorkspaces, Summary: "Replace a workspace's keys and show them, once",
			Who: Users, Acts: []string{guard.WorkspaceRotate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getWorkspace), Confirmed: true, Exposes: true, typed: gives(s.rotateWorkspace)},
	}
}

// launcherRoutes act for the user whom the path names, on workspaces that the
// launcher made itself.
func (s *Server) launcherRoutes() []Route {
	const all, one = "/v1/users/{user}/workspaces", "/v1/users/{user}/workspaces/{id}"
	return []Route{
		{Method: http.MethodGet, Path: all, ID: "listUserWorkspaces", Tag: tagWorkspaces, Summary: "List what this launcher made for a user, newest first",
			Who: Launchers, Server: true, Acts: []string{guard.WorkspaceList}, Status: http.StatusOK, Paged: true, Query: []Param{endedParam(), labelParam()}, typed: gives(s.listWorkspaces)},
		{Method: http.MethodPost, Path: all, ID: "createUserWorkspace", Tag: tagWorkspaces, Summary: "Make a workspace for a user and show its keys, once",
			Who: Launchers, Server: true, Acts: []string{guard.WorkspaceCreate}, Status: http.StatusCreated, Once: true, Tagged: true, Confirmed: true, Exposes: true, typed: takes(s.createWorkspace)},
		{Method: http.MethodGet, Path: one, ID: "getUserWorkspace", Tag: tagWorkspaces, Summary: "Show one workspace that this launcher made",
			Who: Launchers, Server: true, Acts: []string{guard.WorkspaceGet}, Status: http.StatusOK, Tagged: true, typed: gives(s.getWorkspace)},
		{Method: http.MethodPatch, Path: one, ID: "updateUserWorkspace", Tag: tagWorkspaces, Summary: "Change the labels of one live workspace that this launcher made",
			Text: "The labels that the server's configuration gives the launcher's workspaces stay: they may be left out, and are refused with another value.",
			Who:  Launchers, Server: true, Acts: []string{guard.WorkspaceUpdate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getWorkspace), typed: takes(s.updateWorkspace)},
		{Method: http.MethodDelete, Path: one, ID: "endUserWorkspace", Tag: tagWorkspaces, Summary: "Stop one workspace that this launcher made",
			Who: Launchers, Server: true, Acts: []string{guard.WorkspaceEnd}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getWorkspace), typed: does(s.endWorkspace)},
		{Method: http.MethodPost, Path: one + "/rotate", ID: "rotateUserWorkspace", Tag: tagWorkspaces, Summary: "Replace the keys of one workspace that this launcher made",
			Who: Launchers, Server: true, Acts: []string{guard.WorkspaceRotate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getWorkspace), Confirmed: true, Exposes: true, typed: gives(s.rotateWorkspace)},
	}
}

func endedParam() Param {
	return Param{Name: "ended", Text: "true: ended ones too", Enum: []string{"true", "false"}}
}

func labelParam() Param {
	return Param{Name: "label", Text: "labels that they must have: KEY=VALUE, several with commas between"}
}

func (s *Server) listWorkspaces(ctx context.Context, c *call) (api.WorkspaceList, error) {
	f, err := filterOf(c)
	if err != nil {
		return api.WorkspaceList{}, err
	}
	list, err := s.Workspaces.List(ctx, c.actor, f, more(c.page))
	list, next := onePage(list, c.page, c.list(), func(w core.Workspace) string { return w.ID })
	return api.WorkspaceList{Workspaces: listOf(list, workspaceOf), Next: next}, err
}

func filterOf(c *call) (store.WorkspaceFilter, error) {
	var f store.WorkspaceFilter
	var err error
	switch c.query.Get("ended") {
	case "true":
		f.Ended = true
	case "false", "":
	default:
		return f, core.Errorf(core.Invalid, "ended is neither true nor false").WithField("ended")
	}
	f.Launcher = c.query.Get("launcher")
	f.Selector, err = core.ParseSelector(c.query.Get("label"))
	return f, err
}

func (s *Server) createWorkspace(ctx context.Context, c *call, in api.WorkspaceCreate) (api.WorkspaceCreated, error) {
	labels, err := s.labelsOf(c, in.Labels)
	if err != nil {
		return api.WorkspaceCreated{}, err
	}
	made, session, gateway, err := s.Workspaces.Create(ctx, c.actor, workspace.Spec{
		Labels: labels, Namespace: in.Namespace, Only: in.Only, Except: in.Except,
		Providers: in.Providers, Gateway: in.Gateway, Process: in.Process, Seconds: int64(in.Seconds),
	})
	if err != nil {
		return api.WorkspaceCreated{}, err
	}
	c.made(made.ID)
	c.version(made.Version)
	return createdOf(made, session, gateway), nil
}

// labelsOf adds those that every workspace of a launcher carries. Asking for
// another value of one is refused: what asks counts on secrets that it would not
// get, and would not be told why.
func (s *Server) labelsOf(c *call, asked map[string]string) (map[string]string, error) {
	if c.actor.Kind != core.LauncherActor {
		return asked, nil
	}
	out := maps.Clone(asked)
	if out == nil {
		out = map[string]string{}
	}
	fixed := s.Identity.LaunchLabels(c.actor)
	for _, key := range slices.Sorted(maps.Keys(fixed)) {
		if got, ok := asked[key]; ok && got != fixed[key] {
			return nil, core.Errorf(core.Invalid, "the label %s of this launcher's workspaces is always %q", key, fixed[key]).WithReason(reasonLabel).
				WithField("labels." + key).WithHint("leave it out; the server's configuration sets it")
		}
	}
	maps.Copy(out, fixed)
	return out, nil
}

func (s *Server) getWorkspace(ctx context.Context, c *call) (api.Workspace, error) {
	got, err := s.Workspaces.Get(ctx, c.actor, c.value("id"))
	c.version(got.Version)
	return workspaceOf(got), err
}

func (s *Server) updateWorkspace(ctx context.Context, c *call, in api.WorkspaceUpdate) (api.Workspace, error) {
	if in.Labels == nil {
		return api.Workspace{}, core.Errorf(core.Invalid, "the change names nothing to change").WithField("labels").WithHint("give labels; {} takes all away")
	}
	labels, err := s.labelsOf(c, *in.Labels)
	if err != nil {
		return api.Workspace{}, err
	}
	got, err := s.Workspaces.Update(ctx, c.actor, c.value("id"), labels, c.expect)
	c.version(got.Version)
	return workspaceOf(got), err
}

func (s *Server) endWorkspace(ctx context.Context, c *call) error {
	return s.Workspaces.End(ctx, c.actor, c.value("id"), c.expect)
}

func (s *Server) rotateWorkspace(ctx context.Context, c *call) (api.WorkspaceCreated, error) {
	got, session, gateway, err := s.Workspaces.Rotate(ctx, c.actor, c.value("id"), c.expect)
	if err != nil {
		return api.WorkspaceCreated{}, err
	}
	c.version(got.Version)
	return createdOf(got, session, gateway), nil
}

func createdOf(w core.Workspace, session, gateway secret.Secret) api.WorkspaceCreated {
	out := api.WorkspaceCreated{Workspace: workspaceOf(w), SessionKey: api.NewKey(session.Reveal())}
	if !gateway.IsZero() {
		out.GatewayKey = api.NewKey(gateway.Reveal())
	}
	return out
}

// workspaceOf says of one that has expired that it has ended, then already,
// though it is swept later.
func workspaceOf(w core.Workspace) api.Workspace {
	out := api.Workspace{
		ID: w.ID, Labels: w.Labels, Namespace: w.Namespace, Gateway: w.Gateway, Launcher: w.Launcher, Version: w.Version,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, ExpiresAt: w.ExpiresAt, EndedAt: w.EndedAt,
	}
	if w.EndedAt.IsZero() && !w.LiveAt(time.Now()) {
		out.EndedAt = w.ExpiresAt
	}
	return out
}
