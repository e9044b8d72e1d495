package core

import "time"

// Profile is an LLM profile: what code in a workspace is told to use. One of an
// owner's is active.
type Profile struct {
	ID         string
	Owner      Owner
	Name       string
	Model      string
	Provider   string // of the pool that serves it
	Namespace  string // of the pool; empty: default
	Parameters []byte // a JSON object; nil: none
	Active     bool
	Version    int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// MCPTransport is how a client reaches an MCP server.
type MCPTransport string

// The transports.
const (
	MCPStdio MCPTransport = "stdio"
	MCPHTTP  MCPTransport = "http" // streamable HTTP
	MCPSSE   MCPTransport = "sse"
)

// MCPServer is a server of the Model Context Protocol, without its values.
type MCPServer struct {
	ID           string
	Owner        Owner
	Name         string
	Transport    MCPTransport
	URL          string   // of http and sse
	Command      string   // of stdio
	Args         []string // of stdio
	HasToken     bool     // a bearer token is sealed
	Headers      []string // names whose values are sealed, sorted
	Env          []string // names whose values are sealed, sorted
	Timeout      int      // seconds; 0: the client's own
	Enabled      bool
	Version      int64
	ValueVersion int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// SealedMCPServer is an MCPServer with its values' ciphertext.
type SealedMCPServer struct {
	MCPServer
	KeyID      string // empty: there are no values
	Ciphertext []byte
}
