package cli

import (
	"context"
	"reflect"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func userCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "Users of a server, for administrators"}
	asGroup(c)
	c.AddCommand(userAddCommand(e), userListCommand(e), userShowCommand(e), userEditCommand(e), userLinkCommand(e))
	return c
}

func userAddCommand(e *Env) *cobra.Command {
	var in api.UserCreate
	c := &cobra.Command{
		Use: "add NAME", Short: "Add a user",
		Args: argCount(1, 1, "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			in.Name = args[0]
			cl, err := e.Client(c.Context())
			if err != nil {
				return err
			}
			u, err := cl.CreateUser(c.Context(), in)
			if err != nil {
				return err
			}
			return e.Print(u, func() { e.Printf("added %s (%s)", Clean(u.Name), u.Role) })
		},
	}
	c.Flags().StringVar(&in.Email, "email", "", "the user's e-mail `ADDRESS`, by which a proxy may name them")
	c.Flags().StringVar(&in.Role, "role", "", "the `ROLE`: user or admin (default \"user\")")
	return c
}

func userListCommand(e *Env) *cobra.Command {
	return listCommand("List users", e.Client, (*client.Client).ListUsers, func(list []api.User) error {
		return e.Print(api.UserList{Users: list}, func() {
			rows := make([][]string, 0, len(list))
			for _, u := range list {
				rows = append(rows, []string{u.Name, u.Role, u.Email, onOff(!u.Disabled), localTime(u.CreatedAt)})
			}
			e.Table([]string{"NAME", "ROLE", "E-MAIL", "STATE", "SINCE"}, rows)
		})
	})
}

func userShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a user",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeUsers,
		RunE: func(c *cobra.Command, args []string) error {
			_, u, err := e.getUser(c.Context(), args[0])
			if err != nil {
				return err
			}
			return e.Print(u, func() {
				e.Fields([][2]string{
					{"name", u.Name}, {"id", u.ID}, {"e-mail", u.Email}, {"role", u.Role}, {"state", onOff(!u.Disabled)},
					{"created", localTime(u.CreatedAt)}, {"updated", localTime(u.UpdatedAt)},
				}...)
			})
		},
	}
}

func (e *Env) getUser(ctx context.Context, name string) (*client.Client, api.User, error) {
	if err := plainID(name, "user"); err != nil {
		return nil, api.User{}, err
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return nil, api.User{}, err
	}
	u, err := cl.GetUser(ctx, name)
	return cl, u, err
}

type userFlags struct {
	email, role     string
	disable, enable bool
	yes             bool
}

func userEditCommand(e *Env) *cobra.Command {
	var f userFlags
	c := &cobra.Command{
		Use: "edit NAME", Short: "Change a user's role or address, or disable them",
		Long: "Change what the flags name and keep the rest. Disabling a user ends their tokens, browser\n" +
			"sessions and workspaces at once, and asks first; their records stay.",
		Args: argCount(1, 1, "NAME --role ROLE"), ValidArgsFunction: e.completeUsers,
	}
	fl := c.Flags()
	fl.StringVar(&f.email, "email", "", "the e-mail `ADDRESS`; an empty one clears it")
	fl.StringVar(&f.role, "role", "", "the `ROLE`: user or admin")
	fl.BoolVar(&f.disable, "disable", false, "refuse every proof of theirs from now on")
	fl.BoolVar(&f.enable, "enable", false, "let them sign in again")
	fl.BoolVarP(&f.yes, "yes", "y", false, "disable without asking; needed without a terminal")
	c.MarkFlagsMutuallyExclusive("disable", "enable")
	c.RunE = func(c *cobra.Command, args []string) error { return e.userEdit(c, args[0], &f) }
	return c
}

func (e *Env) userEdit(c *cobra.Command, name string, f *userFlags) error {
	var in api.UserUpdate
	if c.Flags().Changed("email") {
		in.Email = &f.email
	}
	if c.Flags().Changed("role") {
		in.Role = &f.role
	}
	if f.disable || f.enable {
		in.Disabled = &f.disable
	}
	if reflect.ValueOf(in).IsZero() {
		return withHint(usagef("there is nothing to change"), "name a change: --role, --email, --disable or --enable")
	}
	ctx := c.Context()
	cl, old, err := e.getUser(ctx, name)
	if err != nil {
		return err
	}
	if f.disable && !old.Disabled {
		if err := e.ConfirmLoss(ctx, f.yes, "Disable "+old.Name+" and end their tokens, sessions and workspaces?"); err != nil {
			return err
		}
	}
	u, err := cl.UpdateUser(ctx, name, in, client.Seen(old.Version))
	if err != nil {
		return err
	}
	return e.Print(u, func() { e.Printf("changed %s: %s, %s", Clean(u.Name), u.Role, onOff(!u.Disabled)) })
}

func (e *Env) completeUsers(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListUsers, func(u api.User) (string, string) { return u.Name, u.Role })
}
