package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// accountFlags is what `account add` and `account edit` take.
type accountFlags struct {
	label, namespace    string
	baseURL, quotaGroup string
	fromEnv             string
	key                 bool
	selector            []string
	limit               api.Limit
}

func accountAddCommand(e *Env) *cobra.Command {
	var f accountFlags
	c := &cobra.Command{
		Use:   "add PROVIDER[[/NAMESPACE]/LABEL]",
		Short: "Add an account at the end of its pool",
		Long: "Add an account at the end of its pool. The key comes from a prompt without echo, from\n" +
			"standard input or from a variable, never from an argument.\n\n" +
			"--base-url is what that provider's official SDK takes; the key is bound to it, so pointing\n" +
			"the account at another host later takes entering the key again.",
		Example: "  keyfob account add anthropic --label work\n" +
			"  keyfob account add openai/team/ci --from-env OPENAI_API_KEY\n" +
			"  keyfob account add openai-compatible/local --base-url http://127.0.0.1:11434/v1",
		Args: argCount(1, 1, "PROVIDER --label LABEL"), ValidArgsFunction: e.completeProviders,
		RunE: func(c *cobra.Command, args []string) error { return e.accountAdd(c.Context(), args[0], &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.label, "label", "", "the `LABEL`, your name for the account")
	fl.StringVar(&f.namespace, "namespace", "", "the `NAMESPACE` of its pool (default \"default\")")
	f.bind(c)
	return c
}

func (f *accountFlags) bind(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.baseURL, "base-url", "", "the upstream `URL`, as the provider's official SDK takes it")
	fl.StringVar(&f.quotaGroup, "quota-group", "", "a `NAME` that accounts with one shared limit have in common")
	fl.StringArrayVar(&f.selector, "selector", nil, "only for workspaces with the labels `KEY=VALUE,...`")
	fl.Int64Var(&f.limit.Requests, "limit-requests", 0, "with --org: a `NUMBER` of requests a day for each user; 0: no limit")
	fl.Int64Var(&f.limit.Tokens, "limit-tokens", 0, "with --org: a `NUMBER` of tokens a day for each user; 0: no limit")
	fl.StringVar(&f.fromEnv, "from-env", "", "take the key from this environment `VARIABLE`")
}

func (e *Env) accountAdd(ctx context.Context, arg string, f *accountFlags) error {
	in, err := f.create(arg)
	if err != nil {
		return err
	}
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	ref := client.AccountRef{Provider: in.Provider, Namespace: in.Namespace, Label: in.Label}
	provider, err := cl.GetProvider(ctx, in.Provider)
	if err != nil {
		return err
	}
	if err := accountIsNew(ctx, cl, ref); err != nil {
		return err
	}
	if _, err := cl.CreateAccount(ctx, in); wrongBeside(err, "key") {
		return err
	}
	if in.BaseURL != "" {
		provider.KeyPage = "" // another service gives its keys elsewhere
	}
	e.tellProvider(provider)
	if in.Key, err = e.readKey(ctx, f.fromEnv, "API key of "+in.Provider+" (not shown)"); err != nil {
		return err
	}
	made, err := cl.CreateAccount(ctx, in)
	if err != nil {
		return err
	}
	return e.Print(made, func() {
		e.Printf("added %s, number %d of its pool, at %s", Clean(made.Ref), made.Position+1, Clean(made.BaseURL))
	})
}

// tellProvider says what there is to know before a key is given.
func (e *Env) tellProvider(p api.Provider) {
	if line := policyLine(p.Policy, p.PolicyNote); line != "" {
		e.Notef("the provider's terms: %s", line)
	}
	if p.KeyPage != "" && e.Interactive() {
		e.Notef("%s gives keys at %s", p.Title, p.KeyPage)
	}
}

// create reads the account's name, whose parts may stand in the argument or in
// flags.
func (f *accountFlags) create(arg string) (api.AccountCreate, error) {
	in := api.AccountCreate{Provider: arg, Namespace: f.namespace, Label: f.label, BaseURL: f.baseURL, QuotaGroup: f.quotaGroup, Limit: f.limit}
	var err error
	if in.Selector, err = parseSelector(f.selector); err != nil {
		return in, err
	}
	if strings.Contains(arg, "/") {
		ref, err := parseRef(arg)
		if err != nil {
			return in, err
		}
		if f.label != "" || f.namespace != "" && ref.Namespace != "" {
			return in, withHint(usagef("the account is named twice"), "write keyfob account add PROVIDER --label LABEL, or PROVIDER/LABEL")
		}
		in.Provider, in.Label = ref.Provider, ref.Label
		if ref.Namespace != "" {
			in.Namespace = ref.Namespace
		}
	}
	if in.Label == "" {
		err := withHint(usagef("the account needs a label"), "add --label with a name of yours, such as --label work")
		err.Field = "label"
		return in, err
	}
	return in, nil
}

// accountIsNew saves typing a key for a name that is taken. It passes what it
// cannot tell; the vault decides.
func accountIsNew(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
	old, err := cl.GetAccount(ctx, ref)
	if err == nil {
		return &api.Error{
			Code: api.CodeConflict, Field: "label", Message: "there is an account " + old.Ref + " already",
			Hint: "replace its key with keyfob account edit " + old.Ref + " --key, or choose another label",
		}
	}
	if errors.Is(err, &api.Error{Code: api.CodeNotFound}) || errors.Is(err, &api.Error{Code: api.CodeInvalid}) {
		return nil
	}
	return err
}
