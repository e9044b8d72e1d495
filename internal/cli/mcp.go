package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func mcpCommand(e *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "mcp", Short: "MCP servers, with their tokens, headers and variables sealed",
		Long: "Servers of the Model Context Protocol, kept for programs that read them through the API;\n" +
			"keyfob run tells no client of them. Their tokens, headers' and variables' values are sealed,\n" +
			"and bound to the URL's origin or the command.",
	}
	asGroup(c)
	c.AddCommand(mcpAddCommand(e), mcpListCommand(e), mcpShowCommand(e), mcpEditCommand(e), mcpRmCommand(e))
	return c
}

func mcpAddCommand(e *Env) *cobra.Command {
	var f mcpFlags
	c := &cobra.Command{
		Use: "add NAME --url URL | NAME --command PROGRAM [-- ARGUMENT…]", Short: "Add an MCP server",
		Long: "Add an MCP server that is reached at a URL, or that clients start as a program.\n\n" +
			"Values are asked for, read from standard input where there is one to read, or from files;\n" +
			"none is ever an argument.",
		Example: "  keyfob mcp add issues --url https://mcp.example.com/v1 --token\n" +
			"  keyfob mcp add files --command mcp-files --env-file ROOT_KEY=./key -- --root /srv",
		Args: func(c *cobra.Command, args []string) error {
			return argCount(1, -1, "NAME --url URL")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error { return e.mcpAdd(c.Context(), args, &f) },
	}
	f.bind(c)
	return c
}

func (e *Env) mcpAdd(ctx context.Context, args []string, f *mcpFlags) error {
	if err := plainName(args[0], "an MCP server"); err != nil {
		return err
	}
	in := api.MCPServerCreate{
		Name: args[0], Transport: f.kind(), URL: f.url, Command: f.command, Args: args[1:],
		Timeout: api.SecondsOf(f.timeout),
	}
	if (f.url == "") == (f.command == "") {
		return withHint(usagef("an MCP server is at a URL or is a program"), "add --url URL, or --command PROGRAM")
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	v, err := e.mcpValues(ctx, f)
	if err != nil {
		return err
	}
	if v.token != nil {
		in.Token = *v.token
	}
	in.Headers, in.Env = plainValues(v.headers), plainValues(v.env)
	m, err := cl.CreateMCPServer(ctx, in)
	return e.mcpDone(m, err, "added")
}

func (e *Env) mcpDone(m api.MCPServer, err error, verb string) error {
	if err != nil {
		return err
	}
	return e.Print(m, func() { e.Printf("%s %s: %s", verb, Clean(m.Name), Clean(mcpPlace(m)+", "+onOff(m.Enabled))) })
}

// mcpPlace is where a server is, or what program it is.
func mcpPlace(m api.MCPServer) string {
	if m.URL != "" {
		return m.URL
	}
	return strings.TrimSpace(m.Command + " " + strings.Join(m.Args, " "))
}

// mcpSealed names what is sealed.
func mcpSealed(m api.MCPServer) string {
	var parts []string
	if m.HasToken {
		parts = append(parts, "token")
	}
	for _, h := range m.Headers {
		parts = append(parts, "header "+h)
	}
	for _, v := range m.Env {
		parts = append(parts, "env "+v)
	}
	return strings.Join(parts, ", ")
}

func mcpListCommand(e *Env) *cobra.Command {
	return listCommand("List MCP servers, without values", e.Client, (*client.Client).ListMCPServers, func(list []api.MCPServer) error {
		return e.Print(api.MCPServerList{Servers: list}, func() { e.mcpTable(list) })
	})
}

func (e *Env) mcpTable(list []api.MCPServer) {
	if len(list) == 0 {
		e.Notef("there are no MCP servers yet; add one with: keyfob mcp add NAME --url URL")
		return
	}
	rows := make([][]string, 0, len(list))
	for _, m := range list {
		rows = append(rows, []string{m.Name, m.Transport, mcpPlace(m), mcpSealed(m), onOff(m.Enabled)})
	}
	e.Table([]string{"NAME", "TRANSPORT", "AT", "SEALED", "STATE"}, rows)
}

func mcpShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show an MCP server, without values",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeMCP,
		RunE: e.onMCP(func(ctx context.Context, cl *client.Client, name string) error {
			m, err := cl.GetMCPServer(ctx, name)
			if err != nil {
				return err
			}
			return e.Print(m, func() { e.mcpFields(m) })
		}),
	}
}

func (e *Env) mcpFields(m api.MCPServer) {
	timeout := ""
	if m.Timeout > 0 {
		timeout = m.Timeout.Duration().String()
	}
	e.Fields([][2]string{
		{"name", m.Name}, {"transport", m.Transport}, {"url", m.URL}, {"command", m.Command}, {"arguments", words(m.Args)},
		{"sealed", mcpSealed(m)}, {"timeout", timeout}, {"state", onOff(m.Enabled)}, {"version", fmt.Sprint(m.Version)},
		{"created", localTime(m.CreatedAt)}, {"updated", localTime(m.UpdatedAt)},
	}...)
}

// onMCP is the body of every command that acts on one MCP server.
func (e *Env) onMCP(fn func(context.Context, *client.Client, string) error) func(*cobra.Command, []string) error {
	return on(e.Client, func(name string) (string, error) { return name, plainName(name, "an MCP server") }, fn)
}

func mcpRmCommand(e *Env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rm NAME", Short: "Remove an MCP server and its values for good",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeMCP,
		RunE: e.onMCP(func(ctx context.Context, cl *client.Client, name string) error {
			m, err := cl.GetMCPServer(ctx, name)
			if err != nil {
				return err
			}
			if err := e.ConfirmLoss(ctx, yes, "Remove the MCP server "+m.Name+" and its values for good?"); err != nil {
				return err
			}
			if err := cl.DeleteMCPServer(ctx, m.Name, client.Seen(m.Version)); err != nil {
				return err
			}
			return e.removed("mcp server", m.Name)
		}),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "remove without asking; needed without a terminal")
	return c
}

func (e *Env) completeMCP(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListMCPServers, func(m api.MCPServer) (string, string) { return Clean(m.Name), Clean(mcpPlace(m)) })
}
