package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/client"
)

// on is the body of a command that acts on the one record that its argument names.
func on[T any](at placer, parse func(string) (T, error), fn func(context.Context, *client.Client, T) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ref, err := parse(args[0])
		if err != nil {
			return err
		}
		cl, err := at(c.Context())
		if err != nil {
			return err
		}
		return fn(c.Context(), cl, ref)
	}
}

// listCommand prints the list that get gives.
func listCommand[L any](short string, at placer, get func(*client.Client, context.Context) (L, error), print func(L) error) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: short,
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := at(c.Context())
			if err != nil {
				return err
			}
			list, err := get(cl, c.Context())
			if err != nil {
				return err
			}
			return print(list)
		},
	}
}
