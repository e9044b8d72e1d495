package seal_test

import (
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// Whoever can write to the store could otherwise have a server's token sent to a
// host of their own, or its environment given to another command.
func TestMCPValuesStayWithTheirServer(t *testing.T) {
	d := dataKey(t)
	web := core.MCPServer{ID: "mcp_1", Owner: core.Local, Name: "n", Transport: core.MCPHTTP, URL: "https://mcp.example.com/a", ValueVersion: 2}
	stdio := core.MCPServer{ID: "mcp_1", Owner: core.Local, Name: "n", Transport: core.MCPStdio, Command: "npx", Args: []string{"a"}, ValueVersion: 2}
	for name, c := range map[string]struct {
		of   core.MCPServer
		edit func(*core.MCPServer)
		open bool
	}{
		"itself":            {web, func(*core.MCPServer) {}, true},
		"another path":      {web, func(m *core.MCPServer) { m.URL = "https://MCP.example.com:443/b" }, true},
		"another name":      {web, func(m *core.MCPServer) { m.Name = "x" }, true},
		"another host":      {web, func(m *core.MCPServer) { m.URL = "https://evil.example/a" }, false},
		"no host":           {web, func(m *core.MCPServer) { m.URL = "" }, false},
		"made a command":    {web, func(m *core.MCPServer) { m.Transport, m.Command = core.MCPStdio, "https://mcp.example.com:443" }, false},
		"another record":    {web, func(m *core.MCPServer) { m.ID = "mcp_2" }, false},
		"another version":   {web, func(m *core.MCPServer) { m.ValueVersion = 1 }, false},
		"other arguments":   {stdio, func(m *core.MCPServer) { m.Args = nil }, true},
		"another command":   {stdio, func(m *core.MCPServer) { m.Command = "sh" }, false},
		"no command":        {stdio, func(m *core.MCPServer) { m.Command = "" }, false},
		"made a web server": {stdio, func(m *core.MCPServer) { m.Transport, m.URL = core.MCPSSE, "https://mcp.example.com" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := secret.FromString("value")
			sealed, err := d.Seal(seal.MCPBinding(c.of), v)
			if err != nil {
				t.Fatal(err)
			}
			m := c.of
			c.edit(&m)
			got, err := d.Open(seal.MCPBinding(m), sealed)
			if !c.open {
				wantReason(t, err, core.Internal, seal.ReasonMismatch)
				return
			}
			if err != nil || !got.Equal(v) {
				t.Fatal(err)
			}
		})
	}
}

func TestMCPValuesNeedAPlace(t *testing.T) {
	for _, m := range []core.MCPServer{
		{ID: "m", Owner: core.Local, ValueVersion: 1, Transport: core.MCPHTTP, Command: "npx"},
		{ID: "m", Owner: core.Local, ValueVersion: 1, Transport: core.MCPStdio, URL: "https://mcp.example.com"},
	} {
		if _, err := dataKey(t).Seal(seal.MCPBinding(m), secret.FromString("v")); core.CodeOf(err) != core.Internal {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
