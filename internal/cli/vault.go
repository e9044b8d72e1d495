package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/app"
)

func vaultCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "vault", Short: "The vault itself: where it is and where its key is kept"}
	asGroup(c)
	c.AddCommand(
		vaultInitCommand(e), vaultStatusCommand(e), vaultBackupCommand(e), vaultRestoreCommand(e), vaultRekeyCommand(e),
	)
	return c
}

func vaultInitCommand(e *Env) *cobra.Command {
	var custody string
	c := &cobra.Command{
		Use: "init", Short: "Make a vault, which the first command that needs one does too",
		Long: "Make a vault in KEYFOB_HOME or the platform's directory for data. Its root key, which opens\n" +
			"everything, is kept in custody:\n\n" +
			"  file  a file of mode 0600 beside the vault, made now\n" +
			"  env   " + vaultKeyVariable + ", 32 bytes in base64, which you set for every command\n\n" +
			"Without --custody it is env where that variable is set, else file.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.vaultInit(c.Context(), custody) },
	}
	c.Flags().StringVar(&custody, "custody", "", "the `CUSTODY`, where the root key is kept: "+strings.Join(app.Custodies(), " or "))
	return c
}

func (e *Env) vaultInit(ctx context.Context, custody string) error {
	if err := e.onlyHere("keyfob vault init"); err != nil {
		return err
	}
	if e.inside() {
		return e.noVaultHere()
	}
	cfg, err := e.config()
	if err != nil {
		return err
	}
	if custody == "" {
		custody = e.defaultCustody()
	}
	st, err := app.Init(ctx, cfg, custody)
	if err != nil {
		return err
	}
	e.announce(st)
	if !e.JSON() {
		return nil
	}
	return e.Print(st, nil)
}

func vaultStatusCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show where the vault is, where its key is and what that protects against",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := e.existing(c.Context())
			if err != nil {
				return err
			}
			st, err := cl.Vault(c.Context())
			if err != nil {
				return err
			}
			return e.Print(st, func() { e.vaultFields(st) })
		},
	}
}

func (e *Env) vaultFields(st api.VaultStatus) {
	e.Fields([][2]string{
		{"home", st.Home}, {"custody", st.Custody}, {"key", st.Place}, {"key id", st.RootKeyID},
		{"protects", strings.TrimPrefix(st.Protects, "protects ")}, {"format", fmt.Sprint(st.Format)}, {"created", localTime(st.CreatedAt)},
		{"secrets", fmt.Sprint(st.Secrets)}, {"accounts", fmt.Sprint(st.Accounts)}, {"workspaces", fmt.Sprint(st.Workspaces)},
	}...)
}
