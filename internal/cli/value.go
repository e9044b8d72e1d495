package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"keyfob/api"
)

// maxInput is the most that is read of a value or an import, in bytes.
const maxInput = 8 << 20

// maxValue is the most that any vault keeps of one value, in bytes.
const maxValue = 1 << 20

var errTooLarge = errors.New("it is larger than 8 MiB") // maxInput

// readValue takes a value from path, where one is given ("-" is Stdin), else
// from a prompt on a terminal, else from Stdin. Files and Stdin are taken byte
// for byte; a prompt drops its line break.
func (e *Env) readValue(ctx context.Context, path, prompt string) (api.Value, error) {
	switch {
	case path != "" && path != "-":
		return readFileValue(path)
	case path == "" && IsTerminal(e.Stdin):
		return e.PromptHidden(ctx, prompt)
	default:
		return e.readStdin()
	}
}

func (e *Env) readStdin() (api.Value, error) {
	b, err := readAll(e.Stdin)
	if err != nil {
		return api.Value{}, fileError("cannot read", "standard input", err)
	}
	if len(b) == 0 {
		return api.Value{}, withHint(usagef("there is nothing on standard input"), "pipe the value in, or run this on a terminal to be asked for it")
	}
	return api.NewValue(b), nil
}

func readFileValue(path string) (api.Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return api.Value{}, fileError("cannot read", path, err)
	}
	defer f.Close()
	b, err := readAll(f)
	if err != nil {
		return api.Value{}, fileError("cannot read", path, err)
	}
	return api.NewValue(b), nil
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = errTooLarge
	}
	return b, err
}

// wrongBeside says, of a record that was sent without its value, whether
// something else is wrong with it: that is to be told before somebody has typed
// the value. An empty value is always refused, after all else has been looked
// at, and what is invalid leaves no trace in the vault.
func wrongBeside(err error, field string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return !ok || e.Code != api.CodeInvalid || e.Field != field
}

// readKey takes an account's key from the variable, where one is named, else as
// readValue does. A key is one line, so its line break is dropped.
func (e *Env) readKey(ctx context.Context, variable, prompt string) (api.Value, error) {
	if variable != "" {
		v, ok := e.LookupEnv(variable)
		if !ok {
			return api.Value{}, withHint(usagef("the variable of --from-env is not set"), "export it, or leave --from-env out to be asked for the key")
		}
		return api.NewValue([]byte(v)), nil
	}
	v, err := e.readValue(ctx, "", prompt)
	if err != nil {
		return v, err
	}
	b, _ := bytes.CutSuffix(v.Bytes(), []byte("\n"))
	b, _ = bytes.CutSuffix(b, []byte("\r"))
	return api.NewValue(b), nil
}

// readLine takes one line from standard input, for what is no secret's value but
// must not be an argument.
func (e *Env) readLine(what string) (api.Value, error) {
	v, err := e.readStdin()
	if err != nil {
		return v, err
	}
	b := bytes.TrimSpace(v.Bytes())
	if len(b) == 0 || bytes.ContainsAny(b, "\r\n") {
		return api.Value{}, withHint(usagef("standard input is not one line with the %s", what), "pipe exactly that in")
	}
	return api.NewValue(b), nil
}
