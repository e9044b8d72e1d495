package cli

import (
	"context"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func secretEditCommand(e *Env) *cobra.Command {
	var d delivery
	c := &cobra.Command{
		Use: "edit NAME", Short: "Change all of a secret but its value",
		Long:    "Change what the flags name and keep the rest. An empty text clears: --env ''.",
		Example: "  keyfob secret edit NPM_TOKEN --env '' --lookup\n  keyfob secret edit NPM_TOKEN --selector team=web,stage=test",
		Args:    argCount(1, 1, "NAME --env VARIABLE"), ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error { return e.secretEdit(c.Context(), args, &d) },
	}
	d.bind(c.Flags())
	return c
}

func (e *Env) secretEdit(ctx context.Context, args []string, d *delivery) error {
	name, err := secretName(args)
	if err != nil {
		return err
	}
	update, err := d.update()
	if err != nil {
		return err
	}
	if reflect.ValueOf(update).IsZero() {
		return withHint(usagef("there is nothing to change"), "name a change, such as --env VARIABLE; for the value: keyfob secret set %s", name)
	}
	return e.updateSecret(ctx, name, update, "changed "+name)
}

func (e *Env) updateSecret(ctx context.Context, name string, u api.SecretUpdate, line string) error {
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	got, err := cl.UpdateSecret(ctx, name, u, client.Any)
	if err != nil {
		return err
	}
	return e.secretDone(got, line+": "+deliveries(got)+", "+onOff(got.Enabled))
}

func secretSwitchCommand(e *Env, verb string, on bool) *cobra.Command {
	short := map[bool]string{true: "Deliver a secret again", false: "Keep a secret, but deliver it to nothing"}
	return &cobra.Command{
		Use: verb + " NAME", Short: short[on],
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error {
			name, err := secretName(args)
			if err != nil {
				return err
			}
			return e.updateSecret(c.Context(), name, api.SecretUpdate{Enabled: &on}, name)
		},
	}
}

func secretRmCommand(e *Env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rm NAME", Short: "Remove a secret for good",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := e.getSecret(c.Context(), args)
			if err != nil {
				return err
			}
			return e.secretRm(c.Context(), s, yes)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "remove without asking; needed without a terminal")
	return c
}

func (e *Env) secretRm(ctx context.Context, s api.Secret, yes bool) error {
	if err := e.ConfirmLoss(ctx, yes, "Remove "+s.Name+" and its value for good?"); err != nil {
		return err
	}
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	if err := cl.DeleteSecret(ctx, s.Name, client.Seen(s.Version)); err != nil {
		return err
	}
	return e.removed("secret", s.Name)
}

// removed says what is gone.
func (e *Env) removed(kind, name string) error {
	return e.Print(map[string]string{"removed": strings.TrimSpace(name), "kind": kind}, func() { e.Printf("removed %s", Clean(name)) })
}
