package cli

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func poolCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "pool", Short: "Pools: the accounts of one provider and namespace, their order and strategy"}
	asGroup(c)
	e.bindOrg(c)
	c.AddCommand(poolListCommand(e), poolShowCommand(e), poolEditCommand(e))
	return c
}

// bindOrg lets the commands of a group act on the organisation's records.
func (e *Env) bindOrg(c *cobra.Command) {
	c.PersistentFlags().BoolVar(&e.Org, "org", false, "as an administrator: the organisation's, which every user may receive or use")
}

type poolRef struct{ provider, namespace string }

// parsePool reads PROVIDER[/NAMESPACE].
func parsePool(s string) (poolRef, error) {
	provider, namespace, _ := strings.Cut(s, "/")
	if namespace == "" {
		namespace = "default"
	}
	for _, p := range []string{provider, namespace} {
		if p == "" || p == "." || p == ".." || strings.Contains(p, "/") || strings.HasSuffix(s, "/") {
			return poolRef{}, withHint(usagef("a pool is written PROVIDER or PROVIDER/NAMESPACE"), "keyfob pool list shows them")
		}
	}
	return poolRef{provider, namespace}, nil
}

func poolName(p api.Pool) string {
	if p.Namespace == "default" {
		return p.Provider
	}
	return p.Provider + "/" + p.Namespace
}

func poolListCommand(e *Env) *cobra.Command {
	return listCommand("List pools with their accounts in order", e.records, (*client.Client).ListPools, func(list []api.Pool) error {
		return e.Print(api.PoolList{Pools: list}, func() {
			rows := make([][]string, 0, len(list))
			for _, p := range list {
				rows = append(rows, []string{poolName(p), p.Strategy, strings.Join(p.Accounts, ", ")})
			}
			e.TableOr("there are no pools yet; an account makes one: keyfob account add PROVIDER --label LABEL", []string{"POOL", "STRATEGY", "ACCOUNTS"}, rows)
		})
	})
}

func poolShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show POOL", Short: "Show a pool",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]"), ValidArgsFunction: e.completePools,
		RunE: e.onPool(func(ctx context.Context, cl *client.Client, ref poolRef) error {
			p, err := cl.GetPool(ctx, ref.provider, ref.namespace)
			if err != nil {
				return err
			}
			return e.Print(p, func() { e.poolFields(p) })
		}),
	}
}

func (e *Env) poolFields(p api.Pool) {
	again := "no"
	if p.AllowAmbiguous {
		again = "yes (a request that was sent and not answered goes to the next account, and may be done twice)"
	}
	e.Fields([][2]string{
		{"pool", poolName(p)}, {"strategy", p.Strategy}, {"allow ambiguous", again}, {"accounts", strings.Join(p.Accounts, ", ")},
	}...)
}

// onPool is the body of every command that acts on one pool.
func (e *Env) onPool(fn func(context.Context, *client.Client, poolRef) error) func(*cobra.Command, []string) error {
	return on(e.records, parsePool, fn)
}

type poolFlags struct {
	strategy  string
	ambiguous bool
	order     []string
}

func poolEditCommand(e *Env) *cobra.Command {
	var f poolFlags
	c := &cobra.Command{
		Use: "edit POOL", Short: "Change a pool's strategy, or the order of its accounts",
		Long: "Change what the flags name and keep the rest. A sticky pool uses the first account that is\n" +
			"ready; round_robin takes turns between conversations. --allow-ambiguous sends a request that\n" +
			"was not answered to the next account though it may have been done.",
		Example: "  keyfob pool edit anthropic --strategy round_robin\n  keyfob pool edit openai/team --order ci,backup",
		Args:    argCount(1, 1, "PROVIDER[/NAMESPACE] --strategy STRATEGY"), ValidArgsFunction: e.completePools,
	}
	fl := c.Flags()
	fl.StringVar(&f.strategy, "strategy", "", "the `STRATEGY`: sticky or round_robin")
	fl.BoolVar(&f.ambiguous, "allow-ambiguous", false, "send what was not answered again; --allow-ambiguous=false takes it back")
	fl.StringSliceVar(&f.order, "order", nil, "every account's label in the new order, `LABEL,...`")
	c.RunE = e.onPool(func(ctx context.Context, cl *client.Client, ref poolRef) error { return e.poolEdit(c, cl, ref, &f) })
	return c
}

func (e *Env) poolEdit(c *cobra.Command, cl *client.Client, ref poolRef, f *poolFlags) error {
	var u api.PoolUpdate
	if c.Flags().Changed("strategy") {
		u.Strategy = &f.strategy
	}
	if c.Flags().Changed("allow-ambiguous") {
		u.AllowAmbiguous = &f.ambiguous
	}
	if c.Flags().Changed("order") {
		u.Accounts = &f.order
	}
	if reflect.ValueOf(u).IsZero() {
		return withHint(usagef("there is nothing to change"), "name a change: --strategy, --allow-ambiguous or --order")
	}
	old, err := cl.GetPool(c.Context(), ref.provider, ref.namespace)
	if err != nil {
		return err
	}
	p, err := cl.UpdatePool(c.Context(), ref.provider, ref.namespace, u, client.Seen(old.Version))
	if err != nil {
		return err
	}
	return e.Print(p, func() {
		e.Printf("changed %s: %s, %s", Clean(poolName(p)), p.Strategy, Clean(strings.Join(p.Accounts, ", ")))
	})
}

func (e *Env) completePools(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListPools, func(p api.Pool) (string, string) { return poolName(p), strings.Join(p.Accounts, ", ") })
}

func usageCommand(e *Env) *cobra.Command {
	var since, by string
	c := &cobra.Command{
		Use: "usage", Short: "Show requests and tokens, by account, model, workspace or day",
		Long: "Show what went through the gateway. With --org an administrator sees the use of the\n" +
			"organisation's accounts, also by user.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.usage(c.Context(), since, by) },
	}
	c.Flags().StringVar(&since, "since", "30d", "count from a `DURATION` ago, such as 12h or 7d; counts are kept by day")
	c.Flags().StringVar(&by, "by", "account", "what to count by, one `WORD` of account, model, workspace, day and, with --org, user")
	c.Flags().BoolVar(&e.Org, "org", false, "as an administrator: of the organisation's accounts")
	return c
}

func (e *Env) usage(ctx context.Context, since, by string) error {
	d, err := parseAgo(since)
	if err != nil {
		return err
	}
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	u, err := cl.ListUsage(ctx, client.UsageQuery{Since: time.Now().Add(-d), By: by})
	if err != nil {
		return err
	}
	return e.Print(u, func() { e.usageTable(u) })
}

func (e *Env) usageTable(u api.UsageList) {
	rows := make([][]string, 0, len(u.Usage))
	for _, one := range u.Usage {
		rows = append(rows, []string{
			one.Key, number(one.Requests), number(one.Rotations), number(one.Errors),
			tokenCount(one.InputTokens, one.OutputTokens, one.Unreported),
		})
	}
	if len(rows) == 0 {
		e.Notef("nothing went through the gateway since %s", localTime(u.Since))
		return
	}
	e.Table([]string{strings.ToUpper(u.By), "REQUESTS", "ROTATIONS", "ERRORS", "TOKENS IN/OUT"}, rows)
	e.Printf("\ncounted since %s", localTime(u.Since))
}
