package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadHidden(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for _, tc := range []struct {
		name, keys, want string
		err              error
	}{
		{"enter", "abc\r", "abc", nil},
		{"line feed", "abc\n", "abc", nil},
		{"both", "abc\r\n", "abc", nil},
		{"longer than a terminal's line", long + "\r", long, nil},
		{"backspace takes a rune", "aä\x7fb\x7f\x7f\x7f\x7fc\r", "c", nil},
		{"erase", "abc\x15def\r", "def", nil},
		{"empty", "\r", "", nil},
		{"end after text", "abc\x04", "abc", nil},
		{"end", "\x04", "", io.EOF},
		{"closed", "abc", "", io.EOF},
		{"interrupt", "abc\x03", "", context.Canceled},
		{"tab and escape are bytes", "a\tb\x1b\r", "a\tb\x1b", nil},
	} {
		got, err := readHidden(strings.NewReader(tc.keys))
		if string(got) != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: %q, %v; want %q, %v", tc.name, got, err, tc.want, tc.err)
		}
		if slow, serr := readHidden(iotest.OneByteReader(strings.NewReader(tc.keys))); !bytes.Equal(slow, got) || !errors.Is(serr, tc.err) {
			t.Errorf("%s: key by key %q, %v; want %q, %v", tc.name, slow, serr, got, err)
		}
	}
}

// The rest of a paste would go to the shell, as commands.
func TestAPasteOfSeveralLinesIsRefused(t *testing.T) {
	got, err := readHidden(strings.NewReader("-----BEGIN KEY-----\rcanary\r"))
	if err == nil || got != nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%q, %v", got, err)
	}
}
