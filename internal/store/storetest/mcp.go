package storetest

import (
	"keyfob/internal/core"
	"keyfob/internal/store"
)

func sampleMCP(id, name string, o core.Owner, version int64) core.SealedMCPServer {
	m := MCPServer(id)
	m.Name, m.Owner, m.Version = name, o, version
	return m
}

var testMCP = testNamed("mcp", store.Tx.MCPServers, sampleMCP,
	core.SealedMCPServer{MCPServer: core.MCPServer{ID: "a", Owner: core.Local, Name: "Z", Transport: core.MCPStdio, Version: 1, CreatedAt: at(1)}},
	core.SealedMCPServer{MCPServer: core.MCPServer{ID: "b", Owner: core.Local, Name: "renamed", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}})
