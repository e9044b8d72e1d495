package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

func secretCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "secret", Short: "Keep secrets and say how they reach a workspace"}
	asGroup(c)
	e.bindOrg(c)
	c.AddCommand(
		secretSetCommand(e), secretListCommand(e), secretShowCommand(e), secretEditCommand(e),
		secretSwitchCommand(e, "enable", true), secretSwitchCommand(e, "disable", false),
		secretRmCommand(e), secretRevealCommand(e), secretImportCommand(e),
	)
	return c
}

// delivery is the flags that say how a secret reaches a workspace.
type delivery struct {
	env, file, description string
	selector               []string
	lookup                 bool
	flags                  *pflag.FlagSet
}

func (d *delivery) bind(f *pflag.FlagSet) {
	d.flags = f
	f.StringVar(&d.env, "env", "", "deliver as the environment `VARIABLE`")
	f.StringVar(&d.file, "file", "", "deliver as the file `PATH`, ~/… or absolute")
	f.BoolVar(&d.lookup, "lookup", false, "let the workspace fetch it by name, audited each time")
	f.StringArrayVar(&d.selector, "selector", nil, "only for workspaces with the labels `KEY=VALUE,...`")
	f.StringVar(&d.description, "description", "", "a `TEXT` that says what it is for")
}

func (d *delivery) labels() (map[string]string, error) {
	return parseSelector(d.selector)
}

// any says whether one way of delivery is asked for.
func (d *delivery) any() bool { return d.env != "" || d.file != "" || d.lookup }

// update is the change that the given flags ask for; those that were not given
// change nothing.
func (d *delivery) update() (api.SecretUpdate, error) {
	var u api.SecretUpdate
	if d.flags.Changed("selector") {
		labels, err := d.labels()
		if err != nil {
			return u, err
		}
		if labels == nil {
			labels = map[string]string{}
		}
		u.Selector = &labels
	}
	for name, at := range map[string]struct {
		from *string
		to   **string
	}{"env": {&d.env, &u.Env}, "file": {&d.file, &u.File}, "description": {&d.description, &u.Description}} {
		if d.flags.Changed(name) {
			*at.to = at.from
		}
	}
	if d.flags.Changed("lookup") {
		u.Lookup = &d.lookup
	}
	return u, nil
}

// secretName refuses what cannot be a name before a path is made of it.
func secretName(args []string) (string, error) {
	switch strings.TrimSpace(args[0]) {
	case "":
		return "", withHint(usagef("the name of a secret is not empty"), "write it first, such as: keyfob secret show NPM_TOKEN")
	case ".", "..":
		return "", withHint(usagef("the name of a secret is not . or .."), "keyfob secret list shows the names there are")
	}
	return args[0], nil
}

func secretListCommand(e *Env) *cobra.Command {
	return listCommand("List secrets, without values", e.records, wholeSecrets, func(list api.SecretList) error {
		return e.Print(list, func() { e.secretTable(list.Secrets); e.sharedNote(list.Shared, "secret") })
	})
}

// wholeSecrets is every page in one. The client comes first, as in a method of its own.
func wholeSecrets(cl *client.Client, ctx context.Context) (out api.SecretList, err error) {
	out.Secrets = []api.Secret{}
	for p := (client.Page{Limit: wholePage}); ; {
		l, err := cl.SecretsPage(ctx, p)
		if err != nil {
			return out, err
		}
		l.Secrets, l.Shared = append(out.Secrets, l.Secrets...), out.Shared+l.Shared
		if out, p.Cursor = l, l.Next; p.Cursor == "" {
			return out, nil
		}
	}
}

func (e *Env) secretTable(list []api.Secret) {
	if len(list) == 0 {
		e.Notef("there are no secrets yet; make one with: keyfob secret set NAME --env NAME")
		return
	}
	rows := make([][]string, 0, len(list))
	for _, s := range list {
		rows = append(rows, []string{s.Name, deliveries(s), orAll(s.Selector), onOff(s.Enabled), s.Description})
	}
	e.Table([]string{"NAME", "DELIVERED AS", "TO", "STATE", "DESCRIPTION"}, rows)
}

// deliveries is how a secret reaches a workspace, in a few words.
func deliveries(s api.Secret) string {
	var parts []string
	if s.Env != "" {
		parts = append(parts, "env "+s.Env)
	}
	if s.File != "" {
		parts = append(parts, "file "+s.File)
	}
	if s.Lookup {
		parts = append(parts, "lookup")
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func orAll(selector map[string]string) string {
	if len(selector) == 0 {
		return "all"
	}
	return core.Selector(selector).String()
}

func onOff(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}

func secretShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a secret and what its deliveries expose, without the value",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := e.getSecret(c.Context(), args)
			if err != nil {
				return err
			}
			return e.Print(s, func() { e.secretFields(s) })
		},
	}
}

func (e *Env) getSecret(ctx context.Context, args []string) (api.Secret, error) {
	name, err := secretName(args)
	if err != nil {
		return api.Secret{}, err
	}
	cl, err := e.records(ctx)
	if err != nil {
		return api.Secret{}, err
	}
	return cl.GetSecret(ctx, name)
}

func (e *Env) secretFields(s api.Secret) {
	pairs := [][2]string{{"name", s.Name}, {"description", s.Description}, {"state", onOff(s.Enabled)}}
	if s.Env != "" {
		pairs = append(pairs, [2]string{"env", s.Env + " (every process started in the workspace holds the value)"})
	}
	if s.File != "" {
		pairs = append(pairs, [2]string{"file", s.File + " (a file of mode 0600 holds the value)"})
	}
	if s.Lookup {
		pairs = append(pairs, [2]string{"lookup", "yes (the workspace holds a reference; each fetch is audited)"})
	}
	e.Fields(append(pairs,
		[2]string{"workspaces", orAll(s.Selector)},
		[2]string{"size", count(s.Size, "byte")},
		[2]string{"version", fmt.Sprint(s.Version)},
		[2]string{"created", localTime(s.CreatedAt)},
		[2]string{"updated", localTime(s.UpdatedAt)})...)
}

func localTime(t time.Time) string { return t.Local().Format(time.DateTime) }
