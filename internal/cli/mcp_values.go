package cli

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// mcpFlags is what `mcp add` and `mcp edit` take.
type mcpFlags struct {
	transport, url, command string
	timeout                 time.Duration

	token       bool
	tokenFile   string
	headers     []string // names, whose values are asked for
	headerFiles []string // NAME=FILE
	env         []string
	envFiles    []string

	// of edit alone
	args                    []string
	noToken                 bool
	noHeaders, noEnv        []string
	enable, disable, noArgs bool
}

func (f *mcpFlags) bind(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.transport, "transport", "", "the `TRANSPORT`: stdio, http or sse (default http with --url, stdio with --command)")
	fl.StringVar(&f.url, "url", "", "the `URL` where the server is")
	fl.StringVar(&f.command, "command", "", "the `PROGRAM` that clients start")
	fl.DurationVar(&f.timeout, "timeout", 0, "how long clients wait for an answer, a `DURATION` such as 30s or 2m")
	fl.BoolVar(&f.token, "token", false, "seal a bearer token, from a prompt or standard input")
	fl.StringVar(&f.tokenFile, "token-file", "", "seal a bearer token from this `FILE`")
	fl.StringArrayVar(&f.headers, "header", nil, "seal the value of the header `NAME`, from a prompt or standard input; may be repeated")
	fl.StringArrayVar(&f.headerFiles, "header-file", nil, "seal a header's value from a file, `NAME=FILE`; may be repeated")
	fl.StringArrayVar(&f.env, "env", nil, "seal the value of the variable `NAME`, from a prompt or standard input; may be repeated")
	fl.StringArrayVar(&f.envFiles, "env-file", nil, "seal a variable's value from a file, `NAME=FILE`; may be repeated")
}

// kind is the transport that was asked for or goes without saying.
func (f *mcpFlags) kind() string {
	switch {
	case f.transport != "":
		return f.transport
	case f.command != "":
		return "stdio"
	}
	return "http"
}

// mcpSecrets is the values that were given; a nil one is to be removed.
type mcpSecrets struct {
	token        *api.Value
	headers, env map[string]*api.Value
}

func plainValues(in map[string]*api.Value) map[string]api.Value {
	if len(in) == 0 {
		return nil
	}
	out := map[string]api.Value{}
	for k, v := range in {
		out[k] = *v
	}
	return out
}

// mcpValues reads every value; at most one can come from standard input where
// that is no terminal.
func (e *Env) mcpValues(ctx context.Context, f *mcpFlags) (mcpSecrets, error) {
	out := mcpSecrets{headers: map[string]*api.Value{}, env: map[string]*api.Value{}}
	asked := len(f.headers) + len(f.env)
	if f.token {
		asked++
	}
	if asked > 1 && !IsTerminal(e.Stdin) {
		return out, withHint(usagef("standard input holds one value, and %d are asked for", asked), "give the others with --token-file, --header-file NAME=FILE and --env-file NAME=FILE")
	}
	if f.timeout < 0 || f.timeout > mcpTimeout {
		return out, withHint(usagef("the value of --timeout is not from 1s to 1h"), "write it as 30s")
	}
	var err error
	if f.token || f.tokenFile != "" {
		if out.token, err = e.oneLineValue(ctx, f.tokenFile, "Token (not shown)"); err != nil {
			return out, err
		}
	}
	if err := e.namedValues(ctx, out.headers, f.headers, f.headerFiles, "--header", "Value of the header "); err != nil {
		return out, err
	}
	return out, e.namedValues(ctx, out.env, f.env, f.envFiles, "--env", "Value of the variable ")
}

func (e *Env) namedValues(ctx context.Context, into map[string]*api.Value, names, files []string, flag, prompt string) error {
	given := map[string]string{}
	for _, n := range names {
		if n == "" || strings.Contains(n, "=") {
			return withHint(usagef("%s takes a name alone: a value is never an argument", flag), "write %s NAME to be asked for it, or %s-file NAME=FILE; replace a value that was typed here", flag, flag)
		}
		given[n] = ""
	}
	for _, nf := range files {
		n, file, ok := strings.Cut(nf, "=")
		if _, twice := given[n]; !ok || n == "" || file == "" || twice {
			return withHint(usagef("%s-file names a file for each name once", flag), "write it as %s-file NAME=FILE", flag)
		}
		given[n] = file
	}
	for _, n := range slices.Sorted(maps.Keys(given)) {
		v, err := e.oneLineValue(ctx, given[n], prompt+n+" (not shown)")
		if err != nil {
			return err
		}
		into[n] = v
	}
	return nil
}

// oneLineValue reads a value and drops its line break.
func (e *Env) oneLineValue(ctx context.Context, file, prompt string) (*api.Value, error) {
	v, err := e.readValue(ctx, file, prompt)
	if err != nil {
		return nil, err
	}
	b, _ := bytes.CutSuffix(v.Bytes(), []byte("\n"))
	b, _ = bytes.CutSuffix(b, []byte("\r"))
	out := api.NewValue(b)
	return &out, nil
}

func mcpEditCommand(e *Env) *cobra.Command {
	var f mcpFlags
	c := &cobra.Command{
		Use: "edit NAME", Short: "Change an MCP server",
		Long: "Change what the flags name and keep the rest. Values are bound to the URL's origin, or to the\n" +
			"command and its arguments, so changing those takes every value anew.",
		Example: "  keyfob mcp edit issues --token\n  keyfob mcp edit files --arg --root --arg /home --env-file ROOT_KEY=./key",
		Args:    argCount(1, 1, "NAME --token"), ValidArgsFunction: e.completeMCP,
	}
	f.bind(c)
	fl := c.Flags()
	fl.Lookup("transport").Hidden = true
	fl.StringArrayVar(&f.args, "arg", nil, "an `ARGUMENT` of the program; all of them anew, one a flag")
	fl.BoolVar(&f.noArgs, "no-args", false, "no arguments any more")
	fl.BoolVar(&f.noToken, "no-token", false, "remove the bearer token")
	fl.StringArrayVar(&f.noHeaders, "no-header", nil, "remove the header `NAME`; may be repeated")
	fl.StringArrayVar(&f.noEnv, "no-env", nil, "remove the variable `NAME`; may be repeated")
	fl.BoolVar(&f.enable, "enable", false, "let workspaces have it again")
	fl.BoolVar(&f.disable, "disable", false, "keep it, but for nobody")
	c.MarkFlagsMutuallyExclusive("enable", "disable")
	c.MarkFlagsMutuallyExclusive("token", "token-file", "no-token")
	c.MarkFlagsMutuallyExclusive("arg", "no-args")
	c.RunE = e.onMCP(func(ctx context.Context, cl *client.Client, name string) error { return e.mcpEdit(c, cl, name, &f) })
	return c
}

func (e *Env) mcpEdit(c *cobra.Command, cl *client.Client, name string, f *mcpFlags) error {
	if c.Flags().Changed("transport") {
		return withHint(usagef("the transport of an MCP server stays"), "remove it and add it again: keyfob mcp rm %s", name)
	}
	u := f.update(c)
	wanted := f.token || f.tokenFile != "" || len(f.headers)+len(f.headerFiles)+len(f.env)+len(f.envFiles)+len(f.noHeaders)+len(f.noEnv) > 0
	if reflect.ValueOf(u).IsZero() && !wanted {
		return withHint(usagef("there is nothing to change"), "name a change, such as --url URL, --token or --disable")
	}
	ctx := c.Context()
	old, err := cl.GetMCPServer(ctx, name)
	if err != nil {
		return err
	}
	v, err := e.mcpValues(ctx, f)
	if err != nil {
		return err
	}
	if v.token != nil {
		u.Token = v.token
	}
	for _, n := range f.noHeaders {
		v.headers[n] = nil
	}
	for _, n := range f.noEnv {
		v.env[n] = nil
	}
	u.Headers, u.Env = v.headers, v.env
	m, err := cl.UpdateMCPServer(ctx, name, u, client.Seen(old.Version))
	return e.mcpDone(m, err, "changed")
}

// update is what the flags name, values apart.
func (f *mcpFlags) update(c *cobra.Command) api.MCPServerUpdate {
	var u api.MCPServerUpdate
	if c.Flags().Changed("url") {
		u.URL = &f.url
	}
	if c.Flags().Changed("command") {
		u.Command = &f.command
	}
	if len(f.args) > 0 || f.noArgs {
		args := append([]string{}, f.args...) // null would change nothing
		u.Args = &args
	}
	if c.Flags().Changed("timeout") {
		t := api.SecondsOf(f.timeout)
		u.Timeout = &t
	}
	if f.noToken {
		var none api.Value
		u.Token = &none
	}
	if f.enable || f.disable {
		u.Enabled = &f.enable
	}
	return u
}

// mcpTimeout bounds --timeout.
const mcpTimeout = time.Hour
