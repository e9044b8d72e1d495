package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func accountClearCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "clear ACCOUNT", Short: "Drop what is held against an account, such as a cooldown",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL"), ValidArgsFunction: e.completeAccounts,
		RunE: e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			if err := cl.ClearAccount(ctx, ref); err != nil {
				return err
			}
			a, err := cl.GetAccount(ctx, ref)
			if err != nil {
				return err
			}
			return e.Print(a, func() { e.Printf("%s: %s", Clean(a.Ref), Clean(accountState(a))) })
		}),
	}
}

func accountTestCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "test ACCOUNT", Short: "Try an account with a request that costs nothing",
		Long: "Ask the provider for its list of models with this account's key. A good answer drops what\n" +
			"was held against the account; a refused key is marked, and the exit code is not 0.",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL"), ValidArgsFunction: e.completeAccounts,
		RunE: e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			t, err := cl.TestAccount(ctx, ref)
			if err != nil {
				return err
			}
			return e.accountTested(t)
		}),
	}
}

// accountTested prints what the test showed; a bad answer is an error too.
func (e *Env) accountTested(t api.AccountTest) error {
	if t.OK || e.JSON() {
		if err := e.Print(t, func() { e.Printf("%s works: %s", Clean(t.Ref), count(len(t.Models), "model")) }); err != nil {
			return err
		}
	}
	if t.OK {
		return nil
	}
	err := &api.Error{Reason: "account_" + t.Verdict, Message: fmt.Sprintf("%s does not work: the provider answered %d", t.Ref, t.Status)}
	if t.Reason != "" {
		err.Message += " (" + t.Reason + ")"
	}
	err.Code, err.Hint = adviceFor(t)
	return err
}

// adviceFor is the code and the hint for a verdict.
func adviceFor(t api.AccountTest) (code, hint string) {
	switch t.Verdict {
	case "dead", "expired":
		return api.CodeUnauthenticated, "replace the key with: keyfob account edit " + t.Ref + " --key"
	case "limited":
		return api.CodeExhausted, "it is over a limit of the provider's; try again later"
	case "no_credit":
		return api.CodeExhausted, "add credit at the provider, then test again"
	}
	return api.CodeUnavailable, "try again, and check --base-url: keyfob account show " + t.Ref
}
