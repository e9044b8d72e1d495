package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
)

// completeWait bounds what a press of the tab key waits for a server.
const completeWait = 2 * time.Second

// complete offers what get gives for the first argument, each with a word about
// it; where that cannot be had, nothing, and nothing is said.
func complete[T any](c *cobra.Command, args []string, at placer, get func(*client.Client, context.Context) ([]T, error), show func(T) (name, about string)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completeWait)
	defer cancel()
	cl, err := at(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := get(cl, ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, x := range list {
		name, about := show(x)
		out = append(out, cobra.CompletionWithDesc(name, about))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeSecrets offers the names of secrets for the first argument.
func (e *Env) completeSecrets(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListSecrets, func(s api.Secret) (string, string) { return Clean(s.Name), deliveries(s) })
}

// completeDelivered offers what a workspace may receive: the user's own secrets
// and the organisation's.
func (e *Env) completeDelivered(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	own, directive := e.completeSecrets(c, args, typed)
	given := func(cl *client.Client, ctx context.Context) ([]api.SharedSecret, error) {
		got, err := cl.Shared(ctx)
		return got.Secrets, err
	}
	shared, _ := complete(c, args, e.existing, given, func(s api.SharedSecret) (string, string) { return Clean(s.Name), "the organisation's" })
	return append(own, shared...), directive
}

// completeAccounts offers the accounts for the first argument.
func (e *Env) completeAccounts(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListAccounts, func(a api.Account) (string, string) { return a.Ref, accountState(a) })
}

// completeProviders offers the providers for the first argument.
func (e *Env) completeProviders(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListProviders, func(p api.Provider) (string, string) { return p.ID, p.Title })
}

// completeSessions offers the browsers for the first argument.
func (e *Env) completeSessions(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListSessions, func(s api.BrowserSession) (string, string) { return s.ID, Clean(s.Agent) })
}

// completeLookups offers, inside a workspace, what can be fetched by name.
func (e *Env) completeLookups(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	nobody := func(context.Context) (*client.Client, error) { return nil, nil }
	get := func(_ *client.Client, ctx context.Context) ([]api.LookupDelivery, error) {
		ws, err := e.workspace()
		if err != nil {
			return nil, err
		}
		return ws.Lookups(ctx)
	}
	return complete(c, args, nobody, get, func(l api.LookupDelivery) (string, string) { return Clean(l.Secret), Clean(l.Description) })
}

// known is where completions look: no vault is made, and where one cannot be
// opened there is nothing to offer.
func (e *Env) known(ctx context.Context) (*client.Client, error) {
	return e.ofOrg(e.existing(ctx))
}

// completing says whether a shell asks what could be typed next.
func (e *Env) completing() bool {
	return len(e.Args) > 0 && (e.Args[0] == cobra.ShellCompRequestCmd || e.Args[0] == cobra.ShellCompNoDescRequestCmd)
}

// completeRest says of every command and flag that says nothing itself what may
// be typed there: names and words where they are known, files where one is taken,
// else nothing, which shells would fill with files.
func (e *Env) completeRest(root *cobra.Command) {
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { e.completeFlag(root, f) })
	walkCommands(root, func(c *cobra.Command) {
		if !c.HasSubCommands() && c.ValidArgsFunction == nil && !strings.Contains(c.Use, "FILE") && c.Name() != "run" {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { e.completeFlag(c, f) })
	})
}

func (e *Env) completeFlag(c *cobra.Command, f *pflag.Flag) {
	if _, known := c.GetFlagCompletionFunc(f.Name); known || f.Value.Type() == "bool" {
		return
	}
	names := map[string]cobra.CompletionFunc{
		"only": e.completeDelivered, "except": e.completeDelivered, "before": e.completeAccounts, "after": e.completeAccounts, "provider": e.completeProviders,
	}
	if c.Name() == "events" {
		delete(names, "after")
	}
	if fn := names[f.Name]; fn != nil {
		_ = c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return fn(c, nil, typed)
		})
		return
	}
	placeholder, _ := pflag.UnquoteUsage(f)
	if words := flagWords()[placeholder]; words != nil {
		_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	} else if !strings.HasSuffix(placeholder, "FILE") && placeholder != "PATH" && placeholder != "PROGRAM" {
		_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
	}
}

// flagWords are the values that a flag with this placeholder takes, where those
// are few.
func flagWords() map[string][]string {
	return map[string][]string{
		"FORM": {OutputText, OutputJSON}, "CUSTODY": app.Custodies(), "ROLE": {"user", "admin"}, "STRATEGY": {"sticky", "round_robin"},
		"WORD": {"account", "model", "workspace", "day", "user"}, "TRANSPORT": {"http", "sse", "stdio"}, "LEVEL": {"debug", "info", "warn", "error"},
	}
}
