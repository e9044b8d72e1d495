package api

import (
	"encoding/json"
	"time"
)

// Profile is an LLM profile: what code in a workspace is told to use.
type Profile struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Model      string          `json:"model"`
	Provider   string          `json:"provider"`
	Namespace  string          `json:"namespace"`
	Parameters json.RawMessage `json:"parameters,omitempty"` // a JSON object
	Active     bool            `json:"active"`               // at most one of an owner's is
	Version    int64           `json:"version"`              // grows by one with each change; the ETag is made of it
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

// ProfileList answers GET /v1/profiles, in order of name.
type ProfileList struct {
	Profiles []Profile `json:"profiles"`
}

// ProfileCreate is the body of POST /v1/profiles. The first one is active.
type ProfileCreate struct {
	Name       string          `json:"name" minLength:"1" maxLength:"255" pattern:"^[^/?#]+$"`                             // unique among its owner's
	Model      string          `json:"model" minLength:"1" maxLength:"200"`                                                // as the provider calls it
	Provider   string          `json:"provider" minLength:"1" maxLength:"64"`                                              // of the pool that serves it
	Namespace  string          `json:"namespace,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"` // of the pool; left out: default
	Parameters json.RawMessage `json:"parameters,omitempty"`                                                               // a JSON object of at most 16 KiB
}

// ProfileUpdate is the body of PATCH /v1/profiles/{name}: what is nil stays.
type ProfileUpdate struct {
	Model      *string          `json:"model,omitempty" minLength:"1" maxLength:"200"`
	Provider   *string          `json:"provider,omitempty" minLength:"1" maxLength:"64"`
	Namespace  *string          `json:"namespace,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"`
	Parameters *json.RawMessage `json:"parameters,omitempty"` // {} clears
}

// MCPServer is a server of the Model Context Protocol, without its values.
type MCPServer struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Transport string    `json:"transport" enum:"stdio,http,sse"` // stdio, http or sse
	URL       string    `json:"url,omitempty"`
	Command   string    `json:"command,omitempty"`
	Args      []string  `json:"args,omitempty"`
	HasToken  bool      `json:"has_token"`         // whether a bearer token is sealed
	Headers   []string  `json:"headers,omitempty"` // names; the values are sealed
	Env       []string  `json:"env,omitempty"`     // names; the values are sealed
	Timeout   Seconds   `json:"timeout_seconds,omitempty"`
	Enabled   bool      `json:"enabled"`
	Version   int64     `json:"version"` // grows by one with each change; the ETag is made of it
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// MCPServerList answers GET /v1/mcp-servers, in order of name.
type MCPServerList struct {
	Servers []MCPServer `json:"servers"`
}

// MCPServerCreate is the body of POST /v1/mcp-servers.
type MCPServerCreate struct {
	Name      string           `json:"name" minLength:"1" maxLength:"255" pattern:"^[^/?#]+$"` // unique among its owner's
	Transport string           `json:"transport" enum:"stdio,http,sse"`                        // how a client reaches it
	URL       string           `json:"url,omitempty" maxLength:"2048"`                         // of http and sse: https, or http to this machine
	Command   string           `json:"command,omitempty" maxLength:"4096"`                     // of stdio
	Args      []string         `json:"args,omitempty" maxItems:"64"`                           // of stdio
	Token     Value            `json:"token,omitzero"`                                         // a bearer token
	Headers   map[string]Value `json:"headers,omitempty" maxProperties:"64"`                   // of http and sse
	Env       map[string]Value `json:"env,omitempty" maxProperties:"64"`                       // variables of stdio
	Timeout   Seconds          `json:"timeout_seconds,omitempty" minimum:"0" maximum:"3600"`   // 0: the client's own
	Enabled   *bool            `json:"enabled,omitempty"`                                      // left out: true
}

// MCPServerUpdate is the body of PATCH /v1/mcp-servers/{name}: what is nil
// stays. A value that is null in Headers or Env is removed. Another origin of
// URL, or another Command, needs every value anew.
type MCPServerUpdate struct {
	URL     *string           `json:"url,omitempty" maxLength:"2048"`
	Command *string           `json:"command,omitempty" maxLength:"4096"`
	Args    *[]string         `json:"args,omitempty" maxItems:"64"`
	Token   *Value            `json:"token,omitempty"` // empty clears
	Headers map[string]*Value `json:"headers,omitempty" maxProperties:"64"`
	Env     map[string]*Value `json:"env,omitempty" maxProperties:"64"`
	Timeout *Seconds          `json:"timeout_seconds,omitempty" minimum:"0" maximum:"3600"`
	Enabled *bool             `json:"enabled,omitempty"`
}
