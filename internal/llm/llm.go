// Package llm holds the use cases of LLM profiles and MCP servers: what code in a
// workspace is told to use. A profile names a model, the pool that serves it and
// parameters; one of an owner's profiles is active. An MCP server is a record
// whose token, headers' values and environment's values are sealed together.
//
// Entries in the audit trail: "profile.create", "profile.update",
// "profile.delete", "profile.use", "mcp.create", "mcp.update" and "mcp.delete"
// one each, in the transaction of the change; readings none. No method gives a
// value of an MCP server out.
package llm

import (
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
)

// How many of each an owner may keep.
const (
	MaxProfiles   = 200
	MaxMCPServers = 200
)

// LLM keeps profiles and MCP servers. It is safe for concurrent use.
type LLM struct {
	guard     *guard.Guard
	keys      *seal.Keys
	providers provider.Registry
}

// New makes an LLM; it does no I/O.
func New(g *guard.Guard, keys *seal.Keys, r provider.Registry) *LLM {
	return &LLM{guard: g, keys: keys, providers: r}
}

func tooMany(what string, limit int) error {
	return core.Errorf(core.Exhausted, "one owner may keep %d %s", limit, what).WithHint("remove some that are not needed any more")
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
