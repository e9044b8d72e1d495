package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// complete offers what get gives for the first argument, each with a word about it.
func complete[T any](c *cobra.Command, args []string, at placer, get func(*client.Client, context.Context) ([]T, error), show func(T) (name, about string)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cl, err := at(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := get(cl, c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
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

// completeAccounts offers the accounts for the first argument.
func (e *Env) completeAccounts(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListAccounts, func(a api.Account) (string, string) { return a.Ref, accountState(a) })
}

// completeProviders offers the providers for the first argument.
func (e *Env) completeProviders(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListProviders, func(p api.Provider) (string, string) { return p.ID, p.Title })
}

// known is where completions look: no vault is made, and where one cannot be
// opened there is nothing to offer.
func (e *Env) known(ctx context.Context) (*client.Client, error) {
	return e.ofOrg(e.existing(ctx))
}
