package cli

import (
	"bytes"
	"context"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func secretRevealCommand(e *Env) *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use: "reveal NAME", Short: "Print a secret's value, after a confirmation",
		Long: "Print the value, byte for byte. A terminal asks for the name to be typed; without one\n" +
			"--confirm NAME is needed. At a server each reveal is approved in a browser that is signed\n" +
			"in to it. Each is written to the audit trail first. With --output json the value is in\n" +
			"base64.",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeSecrets,
		RunE: func(c *cobra.Command, args []string) error { return e.secretReveal(c.Context(), args, confirm) },
	}
	c.Flags().StringVar(&confirm, "confirm", "", "the `NAME` once more, in place of typing it")
	return c
}

func (e *Env) secretReveal(ctx context.Context, args []string, confirm string) error {
	s, err := e.getSecret(ctx, args)
	if err != nil {
		return err
	}
	if confirm == "" {
		if confirm, err = e.typedName(ctx, s.Name); err != nil {
			return err
		}
	}
	got, err := e.revealed(ctx, s, confirm)
	if err != nil {
		return err
	}
	if e.JSON() {
		return e.Print(got, nil)
	}
	return e.writeValue(got.Value)
}

func (e *Env) typedName(ctx context.Context, name string) (string, error) {
	if !e.Interactive() {
		return "", &api.Error{Code: api.CodeInvalid, Reason: "confirmation_required", Message: "revealing needs a confirmation, and there is no terminal to ask on", Hint: "add: --confirm " + name}
	}
	typed, err := e.PromptLine(ctx, "Type "+name+" to print its value")
	if err == nil && typed != name {
		err = notConfirmed()
	}
	return typed, err
}

// writeValue writes the bytes as they are. On a terminal it refuses what is not
// plain text, since a value could hold control sequences, and ends the line.
func (e *Env) writeValue(v api.Value) error {
	b := v.Bytes()
	if !IsTerminal(e.Stdout) {
		return e.write(b)
	}
	if !utf8.Valid(b) || bytes.ContainsFunc(b, func(r rune) bool { return r != '\n' && r != '\t' && unsafeRune(r) }) {
		return withHint(usagef("the value is not plain text, and a terminal may act on it"), "send it to a file or a program: keyfob secret reveal … >FILE")
	}
	if !bytes.HasSuffix(b, []byte("\n")) {
		b = append(b, '\n')
	}
	return e.write(b)
}
