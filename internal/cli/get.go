package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// The variables by which a workspace's processes reach the keyfob that started
// it.
const (
	urlVariable        = "KEYFOB_URL"
	sessionKeyVariable = "KEYFOB_SESSION_KEY"
)

func getCommand(e *Env) *cobra.Command {
	var list bool
	c := &cobra.Command{
		Use: "get NAME", Short: "Inside a workspace: fetch a secret that allows lookup",
		Long: "Inside a workspace, write the value of a secret that allows lookup to standard output, byte\n" +
			"for byte. Each fetch is written to the audit trail. --list shows the names there are.",
		Example: "  curl -H \"Authorization: Bearer $(keyfob get DEPLOY)\" …",
		Args: func(c *cobra.Command, args []string) error {
			if list {
				return argCount(0, 0, "--list")(c, args)
			}
			return argCount(1, 1, "NAME")(c, args)
		},
		ValidArgsFunction: e.completeLookups,
		RunE: func(c *cobra.Command, args []string) error {
			ws, err := e.workspace()
			if err != nil {
				return err
			}
			if list {
				return e.getList(c.Context(), ws)
			}
			return e.getValue(c.Context(), ws, args)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the names that can be fetched")
	return c
}

// workspace is the client of the workspace that this process runs in.
func (e *Env) workspace() (*client.Workspace, error) {
	base, key := e.Getenv(urlVariable), e.Getenv(sessionKeyVariable)
	if base == "" || key == "" {
		return nil, &api.Error{
			Code: api.CodeUnauthenticated, Reason: "no_workspace",
			Message: "this is not inside a workspace: " + urlVariable + " and " + sessionKeyVariable + " are not both set",
			Hint:    "start one with keyfob run -- COMMAND; at your own terminal: keyfob secret reveal NAME",
		}
	}
	o, err := e.workspaceOptions(base)
	if err != nil {
		return nil, err
	}
	o.Token = api.NewKey([]byte(key))
	return client.NewWorkspace(o), nil
}

// workspaceOptions keep what is for a keyfob on this machine from a proxy, which
// must not see the key.
func (e *Env) workspaceOptions(base string) (client.Options, error) {
	o := client.Options{BaseURL: base}
	var err error
	if o.Roots, err = e.roots(""); err != nil {
		return o, err
	}
	o.Transport = loopback(base, o.Roots)
	return o, nil
}

func (e *Env) getValue(ctx context.Context, ws *client.Workspace, args []string) error {
	name, err := secretName(args)
	if err != nil {
		return err
	}
	v, err := ws.Lookup(ctx, name)
	if err != nil {
		return err
	}
	if e.JSON() {
		return e.Print(map[string]any{"name": name, "value": v}, nil)
	}
	return e.write(v.Bytes())
}

func (e *Env) getList(ctx context.Context, ws *client.Workspace) error {
	list, err := ws.Lookups(ctx)
	if err != nil {
		return err
	}
	return e.Print(api.LookupList{Secrets: list}, func() {
		rows := make([][]string, 0, len(list))
		for _, l := range list {
			rows = append(rows, []string{l.Secret, l.Description})
		}
		e.TableOr("no secret of this workspace can be fetched by name; it would have --lookup", []string{"NAME", "DESCRIPTION"}, rows)
	})
}
