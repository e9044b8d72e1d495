package llm

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// NewMCPServer is an MCP server to make. It is enabled unless Disabled.
type NewMCPServer struct {
	Name      string
	Transport core.MCPTransport
	URL       string   // of http and sse: https, or http to this machine
	Command   string   // of stdio
	Args      []string // of stdio: at most 64 of at most 8 KiB
	Token     secret.Secret
	Headers   map[string]secret.Secret // of http and sse
	Env       map[string]secret.Secret // of stdio
	Timeout   int                      // seconds up to 3600; 0: the client's own
	Disabled  bool
}

// MCPEdit changes an MCP server: what is nil stays. In Headers and Env a nil
// value removes that name, and names that are not in the map stay.
//
// The values belong to the origin of the URL, or to the command and its
// arguments. An edit that changes those must name each value that there is: anew
// or removed.
type MCPEdit struct {
	URL     *string
	Command *string
	Args    *[]string
	Token   *secret.Secret // empty clears
	Headers map[string]*secret.Secret
	Env     map[string]*secret.Secret
	Timeout *int
	Enabled *bool
}

// MCPServers gives the owner's MCP servers in order of name.
func (l *LLM) MCPServers(ctx context.Context, actor core.Actor) ([]core.MCPServer, error) {
	var out []core.MCPServer
	err := l.guard.Read(ctx, actor, guard.Act{Action: guard.MCPList, Subject: "mcp servers"}, func(ctx context.Context, tx store.Tx) error {
		sealed, err := tx.MCPServers().List(ctx, actor.Owner)
		for _, m := range sealed {
			out = append(out, m.MCPServer)
		}
		return err
	})
	return out, err
}

// MCPServer finds one; errors: not_found.
func (l *LLM) MCPServer(ctx context.Context, actor core.Actor, name string) (core.MCPServer, error) {
	if err := core.CheckName("MCP server", name); err != nil {
		return core.MCPServer{}, err
	}
	var out core.MCPServer
	act := guard.Act{Action: guard.MCPGet, Subject: guard.MCPSubject(name)}
	err := l.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		m, err := mcpServer(ctx, tx, actor.Owner, name)
		out = m.MCPServer
		return err
	})
	return out, err
}

// CreateMCP keeps a new MCP server. Errors: invalid, conflict where the name is
// taken, exhausted at MaxMCPServers.
func (l *LLM) CreateMCP(ctx context.Context, actor core.Actor, in NewMCPServer) (core.MCPServer, error) {
	m := in.record(actor.Owner)
	v := values{token: in.Token, headers: in.Headers, env: in.Env}
	if err := core.CheckNewName("MCP server", m.Name); err != nil {
		return core.MCPServer{}, err
	}
	if err := checkMCP(m, v); err != nil {
		return core.MCPServer{}, err
	}
	v.describe(&m)
	act := guard.Act{Action: guard.MCPCreate, Subject: guard.MCPSubject(m.Name)}
	err := l.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		others, err := tx.MCPServers().List(ctx, actor.Owner)
		if err != nil {
			return err
		}
		if len(others) >= MaxMCPServers {
			return tooMany("MCP servers", MaxMCPServers)
		}
		sealed, err := l.seal(ctx, tx, note, m, v)
		if err != nil {
			return err
		}
		return tx.MCPServers().Create(ctx, sealed)
	})
	if err != nil {
		return core.MCPServer{}, err
	}
	return m, nil
}

func (in NewMCPServer) record(o core.Owner) core.MCPServer {
	t := now()
	return core.MCPServer{
		ID: core.NewID("mcp"), Owner: o, Name: in.Name, Transport: in.Transport, URL: in.URL, Command: in.Command, Args: in.Args,
		Timeout: in.Timeout, Enabled: !in.Disabled, Version: 1, ValueVersion: 1, CreatedAt: t, UpdatedAt: t,
	}
}

// UpdateMCP changes an MCP server. expect is the version that was seen; 0 takes
// whichever there is. Errors: not_found, conflict with reason "stale", invalid,
// with reason "values_needed" where it would send values elsewhere without
// having them anew.
func (l *LLM) UpdateMCP(ctx context.Context, actor core.Actor, name string, e MCPEdit, expect int64) (core.MCPServer, error) {
	if len(e.fields()) == 0 {
		return core.MCPServer{}, core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of url, command, args, token, headers, env, timeout and enabled")
	}
	var out core.MCPServer
	err := l.onMCP(ctx, actor, guard.MCPUpdate, name, func(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedMCPServer) error {
		note.Names("fields", e.fields())
		if err := core.CheckVersion("the MCP server", old.Version, expect); err != nil {
			return err
		}
		next, err := l.apply(ctx, tx, note, old, e)
		if err != nil {
			return err
		}
		out = next.MCPServer
		return tx.MCPServers().Update(ctx, next, old.Version)
	})
	return out, err
}

// DeleteMCP removes an MCP server and its values; errors: not_found, conflict
// with reason "stale".
func (l *LLM) DeleteMCP(ctx context.Context, actor core.Actor, name string, expect int64) error {
	return l.onMCP(ctx, actor, guard.MCPDelete, name, func(ctx context.Context, tx store.Tx, _ guard.Note, old core.SealedMCPServer) error {
		if err := core.CheckVersion("the MCP server", old.Version, expect); err != nil {
			return err
		}
		return tx.MCPServers().Delete(ctx, old.ID, old.Version)
	})
}

// onMCP runs fn on one MCP server, inside the guard.
func (l *LLM) onMCP(ctx context.Context, actor core.Actor, action, name string, fn func(context.Context, store.Tx, guard.Note, core.SealedMCPServer) error) error {
	if err := core.CheckName("MCP server", name); err != nil {
		return err
	}
	act := guard.Act{Action: action, Subject: guard.MCPSubject(name)}
	return l.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		old, err := mcpServer(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		return fn(ctx, tx, note, old)
	})
}

func mcpServer(ctx context.Context, tx store.Tx, o core.Owner, name string) (core.SealedMCPServer, error) {
	m, err := tx.MCPServers().Get(ctx, o, name)
	if core.CodeOf(err) == core.NotFound {
		return m, core.Errorf(core.NotFound, "there is no MCP server %q", name).WithField("name").
			WithHint("list the MCP servers to see those there are").Wrap(err)
	}
	return m, err
}
