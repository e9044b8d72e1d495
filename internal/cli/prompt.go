package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"keyfob/api"
)

// PromptLine asks for a line of text on the terminal.
func (e *Env) PromptLine(ctx context.Context, prompt string) (string, error) {
	in, err := e.terminal()
	if err != nil {
		return "", err
	}
	fmt.Fprint(e.Stderr, Clean(prompt)+": ")
	b, err := interruptible(ctx, func() ([]byte, error) {
		line, err := bufio.NewReaderSize(in, 16).ReadString('\n')
		return []byte(line), err
	})
	if err != nil {
		fmt.Fprintln(e.Stderr) // no line break was typed
	}
	return strings.TrimRight(string(b), "\r\n"), err
}

// Confirm asks a question that only y or yes answers with yes.
func (e *Env) Confirm(ctx context.Context, question string) error {
	answer, err := e.PromptLine(ctx, question+" [y/N]")
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return notConfirmed()
	}
	return nil
}

// ConfirmLoss is Confirm before something is lost: without a terminal only yes
// (the command's --yes) will do.
func (e *Env) ConfirmLoss(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !e.Interactive() {
		return &api.Error{Code: api.CodeInvalid, Reason: "confirmation_required", Message: "this needs a confirmation, and there is no terminal to ask on", Hint: "add --yes"}
	}
	return e.Confirm(ctx, question)
}

func notConfirmed() error {
	return &api.Error{Code: api.CodeInvalid, Reason: "not_confirmed", Message: "not confirmed: nothing was done"}
}

func (e *Env) terminal() (*os.File, error) {
	if !e.Interactive() {
		return nil, &api.Error{Code: api.CodeInvalid, Reason: "no_terminal", Message: "there is no terminal to ask on", Hint: "pipe the value in, or use --value-file"}
	}
	return e.Stdin.(*os.File), nil
}

// interruptible reads from a terminal until it has its line, ctx is over or the
// user interrupts. A reader that is left behind ends with the process.
func interruptible(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	ctx, stop := untilInterrupt(ctx)
	defer stop()
	type result struct {
		b   []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := read()
		done <- result{b, err}
	}()
	select {
	case r := <-done:
		return r.b, endOfInput(r.err)
	case <-ctx.Done():
		return nil, context.Canceled
	}
}

// untilInterrupt is over too when the user interrupts.
func untilInterrupt(ctx context.Context) (context.Context, func()) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// endOfInput makes a closed input a plain refusal.
func endOfInput(err error) error {
	if errors.Is(err, io.EOF) {
		return notConfirmed()
	}
	return err
}
