package cli

import (
	"github.com/spf13/cobra"
)

// completeSecrets offers the names of secrets for the first argument. It makes
// no vault, and where one cannot be opened it offers nothing.
func (e *Env) completeSecrets(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return e.complete(c, args, func() ([]string, error) {
		cl, err := e.ofOrg(e.existing(c.Context()))
		if err != nil {
			return nil, err
		}
		list, err := cl.ListSecrets(c.Context())
		var out []string
		for _, s := range list {
			out = append(out, cobra.CompletionWithDesc(Clean(s.Name), deliveries(s)))
		}
		return out, err
	})
}

// completeAccounts offers the accounts for the first argument.
func (e *Env) completeAccounts(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return e.complete(c, args, func() ([]string, error) {
		cl, err := e.ofOrg(e.existing(c.Context()))
		if err != nil {
			return nil, err
		}
		list, err := cl.ListAccounts(c.Context())
		var out []string
		for _, acct := range list {
			out = append(out, cobra.CompletionWithDesc(acct.Ref, accountState(acct)))
		}
		return out, err
	})
}

// completeProviders offers the providers for the first argument.
func (e *Env) completeProviders(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return e.complete(c, args, func() ([]string, error) {
		cl, err := e.existing(c.Context())
		if err != nil {
			return nil, err
		}
		list, err := cl.ListProviders(c.Context())
		var out []string
		for _, p := range list {
			out = append(out, cobra.CompletionWithDesc(p.ID, p.Title))
		}
		return out, err
	})
}

func (e *Env) complete(_ *cobra.Command, args []string, list func() ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := list()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
