package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// importFlags is what `secret import` takes beside the file.
type importFlags struct {
	format      string
	env, lookup bool
	selector    []string
	dryRun, yes bool
}

func secretImportCommand(e *Env) *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Take in a .env, JSON or YAML file: all of it or nothing",
		Long: "Take in every entry of a file as a secret: all of them or, where one cannot be or its name\n" +
			"is taken, none, with every such entry named at once. What would be made is shown\n" +
			"first. Each entry is delivered as the variable of its name unless --env=false.",
		Example: "  keyfob secret import .env\n  keyfob secret import ci.yaml --env=false --lookup --yes",
		Args:    argCount(1, 1, "FILE"),
		RunE:    func(c *cobra.Command, args []string) error { return e.secretImport(c.Context(), args[0], &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "the file's `FORMAT`: env, json or yaml; by default what its name says")
	fl.BoolVar(&f.env, "env", true, "deliver each as the environment variable of its name")
	fl.BoolVar(&f.lookup, "lookup", false, "let workspaces fetch each by name")
	fl.StringArrayVar(&f.selector, "selector", nil, "only for workspaces with the labels `KEY=VALUE,...`")
	fl.BoolVar(&f.dryRun, "dry-run", false, "show what would be made, and make nothing")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask; needed without a terminal")
	return c
}

func (e *Env) secretImport(ctx context.Context, path string, f *importFlags) error {
	in, err := e.importRequest(path, f)
	if err != nil {
		return err
	}
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	in.DryRun = true
	plan, err := cl.ImportSecrets(ctx, in)
	if err != nil {
		return err
	}
	if f.dryRun {
		return e.Print(plan, func() { e.importPlan(plan) })
	}
	if !e.JSON() {
		e.importPlan(plan)
	}
	if err := e.ConfirmLoss(ctx, f.yes, fmt.Sprintf("Make these %d secrets?", len(plan.Secrets))); err != nil {
		return err
	}
	return e.importNow(ctx, cl, in)
}

func (e *Env) importNow(ctx context.Context, cl *client.Client, in api.SecretImport) error {
	in.DryRun = false
	done, err := cl.ImportSecrets(ctx, in)
	if err != nil {
		return err
	}
	return e.Print(done, func() { e.Printf("made %s", count(len(done.Secrets), "secret")) })
}

func (e *Env) importRequest(path string, f *importFlags) (api.SecretImport, error) {
	format, err := importFormat(path, f.format)
	if err != nil {
		return api.SecretImport{}, err
	}
	labels, err := parseSelector(f.selector)
	if err != nil {
		return api.SecretImport{}, err
	}
	if !f.env && !f.lookup {
		return api.SecretImport{}, withHint(usagef("the secrets would reach no workspace"), "add --lookup, or leave --env=false out")
	}
	content, err := e.importContent(path)
	return api.SecretImport{Format: format, Content: content, Env: f.env, Lookup: f.lookup, Selector: labels}, err
}

func (e *Env) importContent(path string) (api.Value, error) {
	if path == "-" {
		return e.readStdin()
	}
	return readFileValue(path)
}

// importPlan shows what an import would make.
func (e *Env) importPlan(r api.ImportResult) {
	rows := make([][]string, 0, len(r.Secrets))
	for _, s := range r.Secrets {
		rows = append(rows, []string{s.Name, deliveries(s), orAll(s.Selector), count(s.Size, "byte")})
	}
	e.Table([]string{"WOULD MAKE", "DELIVERED AS", "TO", "SIZE"}, rows)
}

// importFormat is the format that was asked for, else the one of the name.
func importFormat(path, asked string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	base := strings.ToLower(filepath.Base(path))
	switch ext := filepath.Ext(base); {
	case ext == ".json":
		return "json", nil
	case ext == ".yaml" || ext == ".yml":
		return "yaml", nil
	case ext == ".env" || strings.HasPrefix(base, ".env."):
		return "env", nil
	}
	return "", withHint(usagef("the format cannot be told from the file's name"), "add --format env, json or yaml")
}
