package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func orgCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "org", Short: "Show what the organisation gives you, and what is left of it today",
		Long: "Show the organisation's secrets and accounts that your workspaces can receive, those for labels\n" +
			"that a workspace must have included. Your own secrets and accounts go before them.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.orgShow(c.Context()) },
	}
}

func (e *Env) orgShow(ctx context.Context) error {
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	got, err := cl.Shared(ctx)
	if err != nil {
		return err
	}
	return e.Print(got, func() { e.orgText(got) })
}

// wholePage is what is asked for where all is wanted.
const wholePage = 1000

// sharedNote says behind a list of the user's own that there is more.
func (e *Env) sharedNote(n int, noun string) {
	if n > 0 {
		e.Notef("the organisation gives you %s besides; to see what: keyfob org", count(n, noun))
	}
}

func (e *Env) orgText(got api.Shared) {
	if len(got.Secrets)+len(got.Accounts) == 0 {
		e.Notef("the organisation gives you nothing")
		return
	}
	secrets := make([][]string, 0, len(got.Secrets))
	for _, s := range got.Secrets {
		how := deliveries(api.Secret{Env: s.Env, File: s.File, Lookup: s.Lookup})
		secrets = append(secrets, []string{s.Name, how, orAll(s.Selector), s.Description})
	}
	if len(secrets) > 0 {
		e.Table([]string{"SECRET", "DELIVERED AS", "TO", "DESCRIPTION"}, secrets)
	}
	if len(got.Accounts) == 0 {
		return
	}
	if len(secrets) > 0 {
		e.Printf("")
	}
	accounts := make([][]string, 0, len(got.Accounts))
	for _, a := range got.Accounts {
		accounts = append(accounts, []string{a.Ref, orAll(a.Selector), ofLimit(a.Used.Requests, a.Limit.Requests), ofLimit(a.Used.Tokens, a.Limit.Tokens)})
	}
	e.Table([]string{"ACCOUNT", "TO", "REQUESTS TODAY", "TOKENS TODAY"}, accounts)
}

// ofLimit is what was used of a limit; 0 is none.
func ofLimit(used, limit int64) string {
	if limit == 0 {
		return number(used)
	}
	return number(used) + " of " + number(limit)
}
