package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/llm"
	"keyfob/internal/secret"
)

const (
	tagProfiles = "LLM profiles"
	tagMCP      = "MCP servers"
)

func (s *Server) profileRoutes() []Route {
	const all, one = "/v1/profiles", "/v1/profiles/{name}"
	return []Route{
		{Method: http.MethodGet, Path: all, ID: "listProfiles", Tag: tagProfiles, Summary: "List LLM profiles, in order of name",
			Who: Users, Acts: []string{guard.ProfileList}, Status: http.StatusOK, typed: gives(s.listProfiles)},
		{Method: http.MethodPost, Path: all, ID: "createProfile", Tag: tagProfiles, Summary: "Make an LLM profile; the first one is active",
			Who: Users, Acts: []string{guard.ProfileCreate}, Status: http.StatusCreated, Once: true, Tagged: true,
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.createProfile)},
		{Method: http.MethodGet, Path: one, ID: "getProfile", Tag: tagProfiles, Summary: "Show one LLM profile",
			Who: Users, Acts: []string{guard.ProfileGet}, Status: http.StatusOK, Tagged: true, Fresh: true, typed: gives(s.getProfile)},
		{Method: http.MethodPatch, Path: one, ID: "updateProfile", Tag: tagProfiles, Summary: "Change an LLM profile: what is left out stays",
			Who: Users, Acts: []string{guard.ProfileUpdate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getProfile), typed: takes(s.updateProfile)},
		{Method: http.MethodDelete, Path: one, ID: "deleteProfile", Tag: tagProfiles, Summary: "Remove an LLM profile; no other becomes active by it",
			Who: Users, Acts: []string{guard.ProfileDelete}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getProfile), typed: does(s.deleteProfile)},
		{Method: http.MethodPost, Path: one + "/activate", ID: "activateProfile", Tag: tagProfiles, Summary: "Make an LLM profile the active one",
			Who: Users, Acts: []string{guard.ProfileUse}, Status: http.StatusOK, Tagged: true, typed: gives(s.activateProfile)},
	}
}

func (s *Server) listProfiles(ctx context.Context, c *call) (api.ProfileList, error) {
	list, err := s.LLM.Profiles(ctx, c.actor)
	return api.ProfileList{Profiles: listOf(list, profileOf)}, err
}

func (s *Server) createProfile(ctx context.Context, c *call, in api.ProfileCreate) (api.Profile, error) {
	made, err := s.LLM.CreateProfile(ctx, c.actor, llm.NewProfile{
		Name: in.Name, Model: in.Model, Provider: in.Provider, Namespace: in.Namespace, Parameters: in.Parameters,
	})
	if err != nil {
		return api.Profile{}, err
	}
	c.made(made.Name)
	c.version(made.Version)
	return profileOf(made), nil
}

func (s *Server) getProfile(ctx context.Context, c *call) (api.Profile, error) {
	got, err := s.LLM.Profile(ctx, c.actor, c.value("name"))
	c.version(got.Version)
	return profileOf(got), err
}

func (s *Server) updateProfile(ctx context.Context, c *call, in api.ProfileUpdate) (api.Profile, error) {
	got, err := s.LLM.UpdateProfile(ctx, c.actor, c.value("name"), llm.ProfileEdit{
		Model: in.Model, Provider: in.Provider, Namespace: in.Namespace, Parameters: (*[]byte)(in.Parameters),
	}, c.expect)
	c.version(got.Version)
	return profileOf(got), err
}

func (s *Server) deleteProfile(ctx context.Context, c *call) error {
	return s.LLM.DeleteProfile(ctx, c.actor, c.value("name"), c.expect)
}

func (s *Server) activateProfile(ctx context.Context, c *call) (api.Profile, error) {
	got, err := s.LLM.UseProfile(ctx, c.actor, c.value("name"))
	c.version(got.Version)
	return profileOf(got), err
}

func profileOf(p core.Profile) api.Profile {
	return api.Profile{
		ID: p.ID, Name: p.Name, Model: p.Model, Provider: p.Provider, Namespace: p.Namespace, Parameters: p.Parameters,
		Active: p.Active, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
}

func (s *Server) mcpRoutes() []Route {
	const all, one = "/v1/mcp-servers", "/v1/mcp-servers/{name}"
	return []Route{
		{Method: http.MethodGet, Path: all, ID: "listMCPServers", Tag: tagMCP, Summary: "List MCP servers, in order of name, without values",
			Who: Users, Acts: []string{guard.MCPList}, Status: http.StatusOK, typed: gives(s.listMCP)},
		{Method: http.MethodPost, Path: all, ID: "createMCPServer", Tag: tagMCP, Summary: "Keep an MCP server",
			Who: Users, Acts: []string{guard.MCPCreate}, Status: http.StatusCreated, MaxBody: valueBody, Once: true, Tagged: true,
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.createMCP)},
		{Method: http.MethodGet, Path: one, ID: "getMCPServer", Tag: tagMCP, Summary: "Show one MCP server, without values",
			Who: Users, Acts: []string{guard.MCPGet}, Status: http.StatusOK, Tagged: true, Fresh: true, typed: gives(s.getMCP)},
		{Method: http.MethodPatch, Path: one, ID: "updateMCPServer", Tag: tagMCP, Summary: "Change an MCP server: what is left out stays",
			Text: "Null takes a header or variable away. Another origin of url, or another command, needs every value anew.",
			Who:  Users, Acts: []string{guard.MCPUpdate}, Status: http.StatusOK, MaxBody: valueBody, Tagged: true, Match: true, now: versionOf(s.getMCP), typed: takes(s.updateMCP)},
		{Method: http.MethodDelete, Path: one, ID: "deleteMCPServer", Tag: tagMCP, Summary: "Remove an MCP server and its values for good",
			Who: Users, Acts: []string{guard.MCPDelete}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getMCP), typed: does(s.deleteMCP)},
	}
}

func (s *Server) listMCP(ctx context.Context, c *call) (api.MCPServerList, error) {
	list, err := s.LLM.MCPServers(ctx, c.actor)
	return api.MCPServerList{Servers: listOf(list, mcpOf)}, err
}

func (s *Server) createMCP(ctx context.Context, c *call, in api.MCPServerCreate) (api.MCPServer, error) {
	made, err := s.LLM.CreateMCP(ctx, c.actor, llm.NewMCPServer{
		Name: in.Name, Transport: core.MCPTransport(in.Transport), URL: in.URL, Command: in.Command, Args: in.Args,
		Token: secret.New(in.Token.Bytes()), Headers: valuesOf(in.Headers), Env: valuesOf(in.Env),
		Timeout: int(in.Timeout), Disabled: in.Enabled != nil && !*in.Enabled,
	})
	if err != nil {
		return api.MCPServer{}, err
	}
	c.made(made.Name)
	c.version(made.Version)
	return mcpOf(made), nil
}

func (s *Server) getMCP(ctx context.Context, c *call) (api.MCPServer, error) {
	got, err := s.LLM.MCPServer(ctx, c.actor, c.value("name"))
	c.version(got.Version)
	return mcpOf(got), err
}

func (s *Server) updateMCP(ctx context.Context, c *call, in api.MCPServerUpdate) (api.MCPServer, error) {
	edit := llm.MCPEdit{
		URL: in.URL, Command: in.Command, Args: in.Args, Token: valueOf(in.Token),
		Headers: changesOf(in.Headers), Env: changesOf(in.Env), Enabled: in.Enabled,
	}
	if in.Timeout != nil {
		n := int(*in.Timeout)
		edit.Timeout = &n
	}
	got, err := s.LLM.UpdateMCP(ctx, c.actor, c.value("name"), edit, c.expect)
	c.version(got.Version)
	return mcpOf(got), err
}

func (s *Server) deleteMCP(ctx context.Context, c *call) error {
	return s.LLM.DeleteMCP(ctx, c.actor, c.value("name"), c.expect)
}

func valuesOf(in map[string]api.Value) map[string]secret.Secret {
	out := make(map[string]secret.Secret, len(in))
	for k, v := range in {
		out[k] = secret.New(v.Bytes())
	}
	return out
}

// changesOf keeps nil for what is to be taken away.
func changesOf(in map[string]*api.Value) map[string]*secret.Secret {
	if in == nil {
		return nil
	}
	out := make(map[string]*secret.Secret, len(in))
	for k, v := range in {
		out[k] = valueOf(v)
	}
	return out
}

func mcpOf(m core.MCPServer) api.MCPServer {
	return api.MCPServer{
		ID: m.ID, Name: m.Name, Transport: string(m.Transport), URL: m.URL, Command: m.Command, Args: m.Args,
		HasToken: m.HasToken, Headers: m.Headers, Env: m.Env, Timeout: api.Seconds(m.Timeout), Enabled: m.Enabled,
		Version: m.Version, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}
