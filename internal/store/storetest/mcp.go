package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func addMCP(servers ...core.SealedMCPServer) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, m := range servers {
			if err := tx.MCPServers().Create(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func updateMCP(m core.SealedMCPServer, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.MCPServers().Update(ctx, m, expect) }
}

func removeMCP(id string, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.MCPServers().Delete(ctx, id, expect) }
}

func (s suite) mcp(t testing.TB, o core.Owner) []core.SealedMCPServer {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.SealedMCPServer, error) {
		return tx.MCPServers().List(ctx, o)
	})
}

func testMCP(t *testing.T, s suite) {
	get := func(o core.Owner, name string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { _, err := tx.MCPServers().Get(ctx, o, name); return err }
	}
	a := MCPServer("b")
	bare := core.SealedMCPServer{MCPServer: core.MCPServer{ID: "a", Owner: core.Local, Name: "Z", Transport: core.MCPStdio, Version: 1, CreatedAt: at(1)}}
	foreign := MCPServer("f")
	foreign.Owner, foreign.Name = other, a.Name
	s.fails(t, core.NotFound, get(core.Local, a.Name))
	same(t, []string{"mcp user:local b", "mcp user:local a", "mcp org:acme:eu f"}, s.since(t, addMCP(a, bare, foreign)))
	same(t, []core.SealedMCPServer{bare, a}, s.mcp(t, core.Local))
	same(t, []core.SealedMCPServer{foreign}, s.mcp(t, other))
	same(t, a, read(t, s, func(ctx context.Context, tx store.Tx) (core.SealedMCPServer, error) {
		return tx.MCPServers().Get(ctx, core.Local, a.Name)
	}))
	s.fails(t, core.NotFound, get(core.Local, "NAME-b"))

	b := core.SealedMCPServer{MCPServer: core.MCPServer{ID: "b", Owner: core.Local, Name: "renamed", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}}
	same(t, []string{"mcp user:local b"}, s.since(t, updateMCP(b, 1)))
	same(t, []core.SealedMCPServer{bare, b}, s.mcp(t, core.Local))
	same(t, []string{"mcp user:local b"}, s.since(t, removeMCP("b", 2)))
	same(t, []core.SealedMCPServer{bare}, s.mcp(t, core.Local))
}

func testMCPConflicts(t *testing.T, s suite) {
	a, b := MCPServer("a"), MCPServer("b")
	s.do(t, addMCP(a, b))
	taken := MCPServer("c")
	taken.Name = a.Name
	s.fails(t, core.Conflict, addMCP(taken))
	s.fails(t, core.Conflict, addMCP(a))
	wrong := MCPServer("d")
	wrong.Version = 0
	s.fails(t, core.Internal, addMCP(wrong))
	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, updateMCP(a, stale))
		s.fails(t, core.Conflict, removeMCP("a", stale))
	}
	taken.ID = "b"
	s.fails(t, core.Conflict, updateMCP(taken, 1))
	stolen := a
	stolen.Owner = other
	s.fails(t, core.Conflict, updateMCP(stolen, 1))
	s.fails(t, core.NotFound, updateMCP(MCPServer("gone"), 1))
	s.fails(t, core.NotFound, removeMCP("gone", 1))
	same(t, []core.SealedMCPServer{a, b}, s.mcp(t, core.Local))
}
