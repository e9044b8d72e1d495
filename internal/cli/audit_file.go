package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
)

func auditExportCommand(e *Env) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "export", Short: "Write the whole trail, signed, so that it can be verified elsewhere",
		Long: "Write the whole trail of every owner, one JSON object a line, with the checkpoints' signatures\n" +
			"and a signed last line. keyfob audit verify FILE verifies it without the vault.",
		Example: "  keyfob audit export --out audit.jsonl",
		Args:    argCount(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return e.auditExport(c.Context(), out) },
	}
	c.Flags().StringVar(&out, "out", "", "write this `FILE`, whole or not at all, in place of standard output")
	return c
}

func (e *Env) auditExport(ctx context.Context, out string) error {
	cl, err := e.existing(ctx)
	if err != nil {
		return err
	}
	if out == "" {
		return e.exportTo(ctx, cl, keepWriter{e})
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".new-*") // 0600
	if err != nil {
		return fileError("cannot write", out, err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	if err := errors.Join(e.exportTo(ctx, cl, w), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), out); err != nil {
		return fileError("cannot write", out, err)
	}
	return e.Print(map[string]string{"file": out}, func() { e.Printf("wrote %s", Clean(out)) })
}

// keepWriter writes to Stdout with an error that names it.
type keepWriter struct{ e *Env }

func (k keepWriter) Write(p []byte) (int, error) {
	if err := k.e.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (e *Env) exportTo(ctx context.Context, cl *client.Client, w interface{ Write([]byte) (int, error) }) error {
	if err := cl.ExportAudit(ctx, w); err != nil {
		return err
	}
	if b, ok := w.(*bufio.Writer); ok {
		return b.Flush()
	}
	return nil
}

type verifyFlags struct {
	key   string
	store bool
}

func auditVerifyCommand(e *Env) *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify [FILE]", Short: "Walk the chains and compare them with the vault, or verify an export",
		Long: "Without a file: walk every chain of the vault, check the signed checkpoints, and compare the\n" +
			"trail with the records that are stored, so that a row that was changed or put back from an\n" +
			"older copy is found and named. This takes an administrator at a server.\n\n" +
			"With a file, which keyfob audit export or a server's audit_sink wrote: find each line that was\n" +
			"changed, left out, moved, put in or cut off, without the vault. --key is the vault's public\n" +
			"key from a source that whoever could write the file could not; keyfob audit key prints it.\n" +
			"With --store the vault is verified too.",
		Example: "  keyfob audit verify\n  keyfob audit verify audit.jsonl --key 3b6a27bc…",
		Args:    argCount(0, 1, "[FILE]"),
		RunE:    func(c *cobra.Command, args []string) error { return e.auditVerify(c.Context(), args, f) },
	}
	c.Flags().StringVar(&f.key, "key", "", "for a file: the vault's public `KEY`, 64 hex digits")
	c.Flags().BoolVar(&f.store, "store", false, "verify the vault too; without a file that is what is done")
	return c
}

func (e *Env) auditVerify(ctx context.Context, args []string, f verifyFlags) error {
	if len(args) == 0 && f.key != "" {
		return withHint(usagef("--key is for a file"), "write: keyfob audit verify FILE --key KEY; the vault has its own key")
	}
	if len(args) == 0 {
		return e.verifyStore(ctx)
	}
	v, err := e.verifyFile(args[0], f.key)
	if err != nil {
		return err
	}
	if err := e.audited(v, hintFile); err != nil || !f.store {
		return err
	}
	return e.verifyStore(ctx)
}

func (e *Env) verifyStore(ctx context.Context) error {
	cl, err := e.existing(ctx)
	if err != nil {
		return err
	}
	v, err := cl.VerifyAudit(ctx)
	if err != nil {
		return err
	}
	return e.audited(v, hintVault)
}

func (e *Env) verifyFile(path, key string) (api.AuditVerification, error) {
	if path == "-" {
		return app.VerifyExport(e.Stdin, key)
	}
	f, err := os.Open(path)
	if err != nil {
		return api.AuditVerification{}, fileError("cannot read", path, err)
	}
	defer f.Close()
	return app.VerifyExport(f, key)
}

func auditKeyCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Show the public key by which exports are verified",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := e.existing(c.Context())
			if err != nil {
				return err
			}
			k, err := cl.AuditKey(c.Context())
			if err != nil {
				return err
			}
			return e.Print(k, func() {
				e.Printf("%s", k.Key)
				e.Notef("its id is %s: checkpoints, exports and keyfob vault rekey name it so", k.ID)
			})
		},
	}
}
