package cli

import (
	"context"
	"maps"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func accountEditCommand(e *Env) *cobra.Command {
	var f accountFlags
	c := &cobra.Command{
		Use: "edit ACCOUNT", Short: "Replace an account's key, upstream, selector or limit",
		Long: "Replace what the flags name and keep the rest. The key is bound to its upstream's origin, so\n" +
			"a --base-url on another host needs the key too: with --key it is asked for, or read from\n" +
			"standard input.",
		Example: "  keyfob account edit anthropic/work --key\n" +
			"  keyfob account edit openai/ci --base-url https://eu.api.openai.com/v1 --from-env OPENAI_API_KEY",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL --key"), ValidArgsFunction: e.completeAccounts,
	}
	c.RunE = e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
		return e.accountEdit(ctx, cl, ref, &f, c)
	})
	f.bind(c)
	c.Flags().BoolVar(&f.key, "key", false, "replace the key, from a prompt or standard input")
	return c
}

func (e *Env) accountEdit(ctx context.Context, cl *client.Client, ref client.AccountRef, f *accountFlags, c *cobra.Command) error {
	u, err := f.update(c)
	if err != nil {
		return err
	}
	wantKey := f.key || f.fromEnv != ""
	limited := c.Flags().Changed("limit-requests") || c.Flags().Changed("limit-tokens")
	if reflect.ValueOf(u).IsZero() && !wantKey && !limited {
		return withHint(usagef("there is nothing to change"), "name a change: --key, --base-url, --quota-group or --selector")
	}
	old, err := cl.GetAccount(ctx, ref)
	if err != nil {
		return err
	}
	if limited {
		u.Limit = f.newLimit(c, old.Limit)
	}
	if wantKey {
		key, err := e.readKey(ctx, f.fromEnv, "New API key of "+old.Ref+" (not shown)")
		if err != nil {
			return err
		}
		u.Key = &key
	}
	return e.updateAccount(ctx, cl, ref, u, client.Seen(old.Version), "changed")
}

// update is what the flags name, the key apart.
func (f *accountFlags) update(c *cobra.Command) (api.AccountUpdate, error) {
	var u api.AccountUpdate
	if c.Flags().Changed("base-url") {
		u.BaseURL = &f.baseURL
	}
	if c.Flags().Changed("quota-group") {
		u.QuotaGroup = &f.quotaGroup
	}
	if c.Flags().Changed("selector") {
		labels, err := parseSelector(f.selector)
		if err != nil {
			return u, err
		}
		plain := map[string]string{}
		maps.Copy(plain, labels)
		u.Selector = &plain
	}
	return u, nil
}

// newLimit keeps the half that no flag names.
func (f *accountFlags) newLimit(c *cobra.Command, old api.Limit) *api.Limit {
	if c.Flags().Changed("limit-requests") {
		old.Requests = f.limit.Requests
	}
	if c.Flags().Changed("limit-tokens") {
		old.Tokens = f.limit.Tokens
	}
	return &old
}

func (e *Env) updateAccount(ctx context.Context, cl *client.Client, ref client.AccountRef, u api.AccountUpdate, m client.Match, verb string) error {
	a, err := cl.UpdateAccount(ctx, ref, u, m)
	if err != nil {
		return err
	}
	return e.Print(a, func() {
		line := verb + " " + a.Ref
		if state := accountState(a); state != verb {
			line += ": " + state
		}
		e.Printf("%s", Clean(line))
	})
}

func accountSwitchCommand(e *Env, verb string, on bool) *cobra.Command {
	short := map[bool]string{true: "Use an account again", false: "Keep an account, but use it for nothing"}
	return &cobra.Command{
		Use: verb + " ACCOUNT", Short: short[on],
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL"), ValidArgsFunction: e.completeAccounts,
		RunE: e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			return e.updateAccount(ctx, cl, ref, api.AccountUpdate{Enabled: &on}, client.Any, verb+"d")
		}),
	}
}

func accountRenameCommand(e *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "rename ACCOUNT LABEL", Short: "Give an account another label",
		Args: argCount(2, 2, "PROVIDER[/NAMESPACE]/LABEL NEW-LABEL"), ValidArgsFunction: e.completeAccounts,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			if strings.Contains(args[1], "/") {
				return withHint(usagef("the new label has a slash in it"), "give the label alone; keyfob account move --namespace changes the namespace")
			}
			return e.updateAccount(ctx, cl, ref, api.AccountUpdate{Label: &args[1]}, client.Any, "renamed to")
		})(c, args)
	}
	return c
}

func accountRmCommand(e *Env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rm ACCOUNT", Short: "Remove an account and its credential for good",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL"), ValidArgsFunction: e.completeAccounts,
		RunE: e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			return e.accountRm(ctx, cl, ref, yes)
		}),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "remove without asking; needed without a terminal")
	return c
}

func (e *Env) accountRm(ctx context.Context, cl *client.Client, ref client.AccountRef, yes bool) error {
	a, err := cl.GetAccount(ctx, ref)
	if err != nil {
		return err
	}
	if err := e.ConfirmLoss(ctx, yes, "Remove "+a.Ref+" and its key for good?"); err != nil {
		return err
	}
	if err := cl.DeleteAccount(ctx, ref, client.Seen(a.Version)); err != nil {
		return err
	}
	return e.removed("account", a.Ref)
}
