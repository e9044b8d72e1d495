package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/term"

	"keyfob/api"
)

// PromptHidden asks for a value on the terminal without echo and gives it
// without its line break. Ctrl-C gives context.Canceled, with the terminal as
// it was.
//
// The terminal is in raw mode meanwhile, from before the prompt is seen: a line
// that the terminal itself edits is cut at 4,096 bytes without a word, and a
// long token would be stored short.
func (e *Env) PromptHidden(ctx context.Context, prompt string) (api.Value, error) {
	in, err := e.terminal()
	if err != nil {
		return api.Value{}, err
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return api.Value{}, fmt.Errorf("change the terminal's mode: %w", err)
	}
	fmt.Fprint(e.Stderr, Clean(prompt)+": ")
	b, err := interruptible(ctx, func() ([]byte, error) { return readHidden(in) })
	if rerr := term.Restore(int(in.Fd()), before); err == nil {
		err = rerr
	}
	fmt.Fprintln(e.Stderr)
	return api.NewValue(b), err
}

// What the keys of a line send in raw mode.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyEnd       = 0x04 // Ctrl-D
	keyBackspace = 0x08
	keyErase     = 0x15 // Ctrl-U
	keyDelete    = 0x7f
)

// readHidden reads a line from a terminal in raw mode, with the keys that
// people use to correct themselves without seeing.
func readHidden(r io.Reader) ([]byte, error) {
	var line []byte
	chunk := make([]byte, 4096)
	for {
		n, err := r.Read(chunk)
		rest, end, kerr := typed(&line, chunk[:n])
		switch {
		case kerr != nil:
			return nil, kerr
		case end && len(bytes.TrimRight(rest, "\r\n")) > 0:
			return nil, withHint(usagef("the value has more than one line, and a prompt takes one"), "use --value-file, or pipe it in")
		case end:
			return line, nil
		case n == 0 && err == nil:
			return nil, io.EOF
		case err != nil:
			return nil, err
		case len(line) > maxInput:
			return nil, usagef("the value is larger than %d MiB", maxInput>>20)
		}
	}
}

// typed adds what was typed to the line, up to its end, and gives what follows.
func typed(line *[]byte, keys []byte) (rest []byte, end bool, err error) {
	for i, k := range keys {
		switch k {
		case '\r', '\n':
			return keys[i+1:], true, nil
		case keyInterrupt:
			return nil, false, context.Canceled
		case keyEnd:
			if len(*line) == 0 {
				return nil, false, io.EOF
			}
			return nil, true, nil
		case keyBackspace, keyDelete:
			_, size := utf8.DecodeLastRune(*line)
			*line = (*line)[:len(*line)-size]
		case keyErase:
			*line = (*line)[:0]
		default:
			*line = append(*line, k)
		}
	}
	return nil, false, nil
}
