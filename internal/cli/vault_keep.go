package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/internal/app"
)

// backedUp is what `vault backup` and `vault restore` print as JSON.
type backedUp struct {
	File      string    `json:"file"`
	Bytes     int64     `json:"bytes"`
	Secrets   int64     `json:"secrets"`
	Accounts  int64     `json:"accounts"`
	Users     int64     `json:"users"`
	Entries   int64     `json:"entries"`
	Newest    time.Time `json:"newest,omitzero"`
	Custody   string    `json:"custody"`
	RootKeyID string    `json:"root_key_id"`
	Aside     string    `json:"aside,omitempty"`          // of a restore: where the database from before is
	Opens     *bool     `json:"root_key_there,omitempty"` // of a restore: whether custody has the backup's root key
	Kept      string    `json:"root_key_kept,omitempty"`  // of a restore: the file beside the vault that has it, where custody has not
}

func vaultBackupCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Copy the vault to a new file, while it is in use",
		Long: "Copy the vault to a new file, checked and durable, while others use it. A file that is there\n" +
			"is never replaced. The values in it are sealed, and the root key that opens them is not in\n" +
			"it: keep a copy of that elsewhere.",
		Example: "  keyfob vault backup /backup/keyfob-$(date +%F).db",
		Args:    argCount(1, 1, "FILE"),
		RunE:    func(c *cobra.Command, args []string) error { return e.vaultBackup(c.Context(), args[0]) },
	}
}

// vaultHere opens this machine's vault for a command that no server answers.
func (e *Env) vaultHere(ctx context.Context, what string) (*app.App, error) {
	if err := e.onlyHere(what); err != nil {
		return nil, err
	}
	return e.openExisting(ctx)
}

func (e *Env) vaultBackup(ctx context.Context, path string) error {
	a, err := e.vaultHere(ctx, "keyfob vault backup")
	if err != nil {
		return err
	}
	c, err := a.Backup(ctx, path)
	if err != nil {
		return err
	}
	out := backedUp{
		File: c.Path, Bytes: c.Bytes, Secrets: c.Secrets, Accounts: c.Accounts, Users: c.Users, Entries: c.Entries,
		Newest: c.Newest, Custody: c.Header.Custody, RootKeyID: c.Header.RootKeyID,
	}
	return e.Print(out, func() {
		e.Printf("wrote %s: %s, %s, %s of the audit trail", Clean(c.Path), count(int(c.Secrets), "secret"), count(int(c.Accounts), "account"), entryCount(c.Entries))
		e.Notef("its values open with root key %.8s only, which is in %s and not in the backup", c.Header.RootKeyID, a.Custody().Place())
	})
}

func vaultRestoreCommand(e *Env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Make the vault what it was at a backup",
		Long: "Make the vault what it was at a backup. The database from before is kept under another name.\n" +
			"Nothing may use the vault meanwhile: stop keyfob serve first. What was undone since is done\n" +
			"again: tokens that were revoked are good once more, and secrets that were removed are there.\n" +
			"Sign-in links, logins and step-ups that wait in the backup are dropped. The audit trail says\n" +
			"which file was restored and where it went back to.",
		Args: argCount(1, 1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error { return e.vaultRestore(c.Context(), args[0], yes) },
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "restore without asking; needed without a terminal")
	return c
}

func (e *Env) vaultRestore(ctx context.Context, path string, yes bool) error {
	if err := e.onlyHere("keyfob vault restore"); err != nil {
		return err
	}
	cfg, err := e.config()
	if err != nil {
		return err
	}
	if err := e.ConfirmLoss(ctx, yes, "Make the vault in "+cfg.Home+" what it was at the backup?"); err != nil {
		return err
	}
	r, err := app.Restore(ctx, cfg, path)
	if err != nil {
		return err
	}
	out := backedUp{
		File: path, Bytes: r.Bytes, Secrets: r.Secrets, Accounts: r.Accounts, Users: r.Users, Entries: r.Entries,
		Newest: r.Newest, Custody: r.Header.Custody, RootKeyID: r.Header.RootKeyID, Aside: r.Aside, Opens: &r.Opens, Kept: r.Kept,
	}
	return e.Print(out, func() {
		e.Printf("restored the vault in %s: %s, %s, as of %s", Clean(r.Home), count(int(r.Secrets), "secret"), count(int(r.Accounts), "account"), localTime(r.Newest))
		if r.Aside != "" {
			e.Notef("the database from before is %s; remove it when you are sure", r.Aside)
		}
		e.noteKey(r)
	})
}

// noteKey says which root key a restored vault needs, where that is not the one in
// custody, and where it is as far as Keyfob kept it.
func (e *Env) noteKey(r app.Restored) {
	switch {
	case r.Opens:
	case r.Kept != "":
		e.Notef("its values open with root key %.8s, which is not in %s now but in %s: put that key back there", r.Header.RootKeyID, r.Place, r.Kept)
	default:
		e.Notef("its values open with root key %.8s, which is not in %s now: put that key back there", r.Header.RootKeyID, r.Place)
	}
}

// rekeyFlags is what `vault rekey` takes.
type rekeyFlags struct {
	custody   string
	data, yes bool
}

func vaultRekeyCommand(e *Env) *cobra.Command {
	var f rekeyFlags
	c := &cobra.Command{
		Use: "rekey", Short: "Give the vault another root key, or with --data seal every value anew",
		Long: "Give the vault another root key. That is quick: the data keys are wrapped anew, and the values\n" +
			"stay as they are. The key from before is kept, since backups from before need it; remove it\n" +
			"when you need them no more. Stop keyfob serve before; other processes on this vault must be\n" +
			"started again. For custody env the new key is taken from " + app.NewKeyVariable + ". The key that\n" +
			"signs the audit trail changes too: export the trail before, and write down the new key after.\n\n" +
			"With --data every owner gets a new data key and every value is sealed anew, while others use\n" +
			"the vault; the root key stays. Run again after a kill, it goes on where it was.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.vaultRekey(c.Context(), f) },
	}
	c.Flags().StringVar(&f.custody, "custody", "", "the `CUSTODY`, where the new root key is kept: "+strings.Join(app.Custodies(), " or ")+" (default where it is)")
	c.Flags().BoolVar(&f.data, "data", false, "seal every value anew in place of changing the root key")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask; needed without a terminal")
	c.MarkFlagsMutuallyExclusive("custody", "data")
	return c
}

func (e *Env) vaultRekey(ctx context.Context, f rekeyFlags) error {
	a, err := e.vaultHere(ctx, "keyfob vault rekey")
	if err != nil {
		return err
	}
	if f.data {
		return e.vaultReencrypt(ctx, a)
	}
	if err := e.ConfirmLoss(ctx, f.yes, "Give the vault in "+a.Home()+" another root key?"); err != nil {
		return err
	}
	r, err := a.Rekey(ctx, f.custody)
	if err != nil {
		return err
	}
	out := map[string]string{"custody": r.Custody, "place": r.Place, "root_key_id": r.RootKeyID, "kept": r.Kept, "audit_key_id": r.AuditKey, "audit_key_id_before": r.AuditKeyBefore}
	return e.Print(out, func() {
		e.Printf("the vault's root key is now %.8s, in %s", r.RootKeyID, Clean(r.Place))
		if r.Custody == "env" {
			e.Notef("set %s to the new key from now on", vaultKeyVariable)
		}
		if r.Kept != "" {
			e.Notef("the key from before is %s: backups from before need it", r.Kept)
		}
		e.Notef("the audit trail is signed with the key of id %.8s now, %.8s before: write down what keyfob audit key prints, to verify exports from now on", r.AuditKey, r.AuditKeyBefore)
		e.Notef("start again what uses this vault: keyfob serve, and commands under keyfob run")
	})
}

// sealedAnew is what `vault rekey --data` prints as JSON.
type sealedAnew struct {
	Owners   int      `json:"owners"`
	Values   int      `json:"values"`
	Resumed  bool     `json:"resumed"`
	Problems []string `json:"problems"`
}

func (e *Env) vaultReencrypt(ctx context.Context, a *app.App) error {
	r, err := a.Reencrypt(ctx, nil)
	if err != nil {
		return err
	}
	out := sealedAnew{Owners: r.Owners, Values: r.Records, Resumed: r.Resumed, Problems: append([]string{}, r.Problems...)}
	err = e.Print(out, func() {
		resumed := ""
		if r.Resumed {
			resumed = ", going on where a run before was cut off"
		}
		e.Printf("sealed %s of %s anew%s", count(r.Records, "value"), count(r.Owners, "owner"), resumed)
	})
	if err != nil || len(r.Problems) == 0 {
		return err
	}
	return damagedValues(r.Problems)
}

func damagedValues(problems []string) error {
	err := internalf("%s not open: left sealed as before", doesDo(len(problems)))
	for _, p := range problems {
		err.Details = append(err.Details, detail(p))
	}
	return withHint(err, "enter these again or remove them, then run keyfob vault rekey --data once more")
}

func doesDo(n int) string {
	if n == 1 {
		return "1 value does"
	}
	return fmt.Sprintf("%d values do", n)
}
