package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// setFlags is what `secret set` takes beside the name.
type setFlags struct {
	delivery
	valueFile string
	yes       bool
}

func secretSetCommand(e *Env) *cobra.Command {
	var f setFlags
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Make a secret, or replace the value of one",
		Long: "Make a secret, or replace the value of one that is there and keep the rest of it.\n\n" +
			"The value comes from a prompt without echo (which drops its line break), from standard\n" +
			"input or from --value-file (both byte for byte), and never from an argument: those stand\n" +
			"in the shell's history and in the list of processes. On a terminal, replacing asks first.",
		Example: "  keyfob secret set NPM_TOKEN --env NPM_TOKEN\n" +
			"  keyfob secret set kubeconfig --file '~/.kube/config' --value-file ./kc.yaml\n" +
			"  pass show deploy | keyfob secret set DEPLOY --lookup --selector team=web",
		Args: setArgs, ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error { return e.secretSet(c.Context(), args[0], &f) },
	}
	f.bind(c.Flags())
	c.Flags().StringVar(&f.valueFile, "value-file", "", "take the value from this `FILE`, byte for byte; - is standard input")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "replace without asking")
	return c
}

// setArgs refuses a value as an argument, in both ways that people try.
func setArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return withHint(usagef("the name of the secret is missing"), "write: keyfob secret set NAME --env NAME")
	}
	if _, err := secretName(args); err != nil {
		return err
	}
	if len(args) == 1 && !strings.Contains(args[0], "=") {
		return nil
	}
	err := usagef("a value is never an argument: the shell's history and the list of processes would keep it")
	err.Field = "value"
	return withHint(err, "run keyfob secret set NAME and type the value at the prompt, or pipe it in, or use --value-file; replace a value that was typed here")
}

func (e *Env) secretSet(ctx context.Context, name string, f *setFlags) error {
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	old, err := cl.GetSecret(ctx, name)
	switch {
	case err == nil:
		return e.replaceValue(ctx, cl, old, f)
	case errors.Is(err, &api.Error{Code: api.CodeNotFound}):
		return e.createSecret(ctx, cl, name, f)
	default:
		return err
	}
}

func (e *Env) createSecret(ctx context.Context, cl *client.Client, name string, f *setFlags) error {
	if !f.any() {
		return withHint(usagef("%s would reach no workspace", name), "say how it is delivered: --env %s, --file PATH or --lookup", variableFor(name))
	}
	labels, err := f.labels()
	if err != nil {
		return err
	}
	in := api.SecretCreate{Name: name, Description: f.description, Env: f.env, File: f.file, Lookup: f.lookup, Selector: labels}
	if _, err := cl.CreateSecret(ctx, in); wrongBeside(err, "value") {
		return err
	}
	if in.Value, err = e.readSecretValue(ctx, name, f); err != nil {
		return err
	}
	made, err := cl.CreateSecret(ctx, in)
	if err != nil {
		return err
	}
	return e.secretDone(made, "made "+made.Name+": "+deliveries(made))
}

// replaceValue changes the version that the user was asked about, and no other.
func (e *Env) replaceValue(ctx context.Context, cl *client.Client, old api.Secret, f *setFlags) error {
	update, err := f.update()
	if err != nil {
		return err
	}
	if !f.yes && e.Interactive() {
		if err := e.Confirm(ctx, "Replace the value of "+old.Name+", last changed "+localTime(old.UpdatedAt)+"?"); err != nil {
			return err
		}
	}
	value, err := e.readSecretValue(ctx, old.Name, f)
	if err != nil {
		return err
	}
	update.Value = &value
	got, err := cl.UpdateSecret(ctx, old.Name, update, client.Seen(old.Version))
	if err != nil {
		return err
	}
	return e.secretDone(got, "replaced the value of "+got.Name)
}

// readSecretValue reads the value and says where a line break at its end looks
// like an accident of echo.
func (e *Env) readSecretValue(ctx context.Context, name string, f *setFlags) (api.Value, error) {
	v, err := e.readValue(ctx, f.valueFile, "Value of "+name+" (not shown)")
	if err != nil {
		return v, err
	}
	if n := len(v.Bytes()); n > maxValue {
		return v, withHint(usagef("the value is %d bytes, at most %d are kept", n, maxValue), "keep large files elsewhere, and their key here")
	}
	if isLineWithBreak(v) && f.file == "" {
		e.Notef("note: the value ends with a line break, which is kept; printf without \\n sends none")
	}
	return v, nil
}

// isLineWithBreak says whether a value is one line with its break.
func isLineWithBreak(v api.Value) bool {
	b := v.Bytes()
	return bytes.Count(b, []byte("\n")) == 1 && bytes.HasSuffix(b, []byte("\n"))
}

// secretDone prints what a write made, with its warnings.
func (e *Env) secretDone(s api.Secret, line string) error {
	for _, w := range s.Warnings {
		e.Notef("warning: %s", w)
	}
	return e.Print(s, func() { e.Printf("%s", Clean(line)) })
}

// variableFor is a variable's name that suits the secret's.
func variableFor(name string) string {
	up := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, name)
	if up[0] >= '0' && up[0] <= '9' {
		return "_" + up
	}
	return up
}
