package client

import (
	"context"
	"net/url"

	"keyfob/api"
)

func profilePath(name string) string { return "/v1/profiles/" + url.PathEscape(name) }

func mcpPath(name string) string { return "/v1/mcp-servers/" + url.PathEscape(name) }

// ListProfiles lists the LLM profiles in order of name.
func (c *Client) ListProfiles(ctx context.Context) ([]api.Profile, error) {
	var out api.ProfileList
	err := c.get(ctx, "/v1/profiles", &out)
	return out.Profiles, err
}

// CreateProfile makes an LLM profile; conflict if the name is taken.
func (c *Client) CreateProfile(ctx context.Context, in api.ProfileCreate) (api.Profile, error) {
	var out api.Profile
	err := c.create(ctx, "/v1/profiles", in, &out)
	return out, err
}

// GetProfile is one LLM profile.
func (c *Client) GetProfile(ctx context.Context, name string) (api.Profile, error) {
	var out api.Profile
	err := c.get(ctx, profilePath(name), &out)
	return out, err
}

// UpdateProfile changes what in names and keeps the rest.
func (c *Client) UpdateProfile(ctx context.Context, name string, in api.ProfileUpdate, m Match) (api.Profile, error) {
	var out api.Profile
	err := c.patch(ctx, profilePath(name), in, m, &out)
	return out, err
}

// DeleteProfile removes an LLM profile.
func (c *Client) DeleteProfile(ctx context.Context, name string, m Match) error {
	return c.delete(ctx, profilePath(name), m)
}

// UseProfile makes an LLM profile the active one.
func (c *Client) UseProfile(ctx context.Context, name string) (api.Profile, error) {
	var out api.Profile
	err := c.post(ctx, profilePath(name)+"/activate", nil, &out)
	return out, err
}

// ListMCPServers lists the MCP servers in order of name, without values.
func (c *Client) ListMCPServers(ctx context.Context) ([]api.MCPServer, error) {
	var out api.MCPServerList
	err := c.get(ctx, "/v1/mcp-servers", &out)
	return out.Servers, err
}

// CreateMCPServer makes an MCP server; conflict if the name is taken.
func (c *Client) CreateMCPServer(ctx context.Context, in api.MCPServerCreate) (api.MCPServer, error) {
	var out api.MCPServer
	err := c.create(ctx, "/v1/mcp-servers", in, &out)
	return out, err
}

// GetMCPServer is one MCP server, without values.
func (c *Client) GetMCPServer(ctx context.Context, name string) (api.MCPServer, error) {
	var out api.MCPServer
	err := c.get(ctx, mcpPath(name), &out)
	return out, err
}

// UpdateMCPServer changes what in names and keeps the rest.
func (c *Client) UpdateMCPServer(ctx context.Context, name string, in api.MCPServerUpdate, m Match) (api.MCPServer, error) {
	var out api.MCPServer
	err := c.patch(ctx, mcpPath(name), in, m, &out)
	return out, err
}

// DeleteMCPServer removes an MCP server and its values for good.
func (c *Client) DeleteMCPServer(ctx context.Context, name string, m Match) error {
	return c.delete(ctx, mcpPath(name), m)
}
