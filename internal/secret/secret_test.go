package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"keyfob/internal/secret"
)

const canary = "canary-5a0d2f"

// Printing a struct that holds a value is how values end up in logs: fmt walks
// unexported fields without asking their methods.
func TestNoWayOfPrintingShowsTheValue(t *testing.T) {
	type holder struct {
		Public  secret.Secret
		private secret.Secret
		Pointer *secret.Secret
		List    []secret.Secret
		Map     map[string]secret.Secret
	}
	s := secret.FromString(canary)
	h := holder{s, s, &s, []secret.Secret{s}, map[string]secret.Secret{"k": s}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%p", "%T", "%10.3s"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	fmt.Fprintln(&out, s, h, errors.Join(fmt.Errorf("%w: %v", errors.New("x"), s)))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "s", s, "p", &s, "h", h, slog.Any("g", []any{s}))
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("printed as %q", form)
		}
	}
	if !strings.Contains(out.String(), secret.Redacted) {
		t.Error("nothing was printed at all")
	}
}

func TestRevealGivesACopy(t *testing.T) {
	in := []byte("abc")
	s := secret.New(in)
	in[0] = 'x'
	out := s.Reveal()
	out[1] = 'x'
	if got := string(s.Reveal()); got != "abc" {
		t.Errorf("the value changed to %q", got)
	}
}

func TestEqual(t *testing.T) {
	a, b := secret.FromString("one"), secret.FromString("two")
	if !a.Equal(secret.FromString("one")) || a.Equal(b) || a.Equal(secret.Secret{}) || !(secret.Secret{}).Equal(secret.New(nil)) {
		t.Error("Equal does not compare values")
	}
	if !(secret.Secret{}).IsZero() || a.IsZero() || a.Len() != 3 {
		t.Error("IsZero or Len is wrong")
	}
}

// A program that reads a record, changes it and writes it back would otherwise
// store the text of the redaction.
func TestDecodingRefusesTheRedaction(t *testing.T) {
	var s secret.Secret
	if err := json.Unmarshal([]byte(`"[redacted]"`), &s); !errors.Is(err, secret.ErrRedacted) {
		t.Errorf("got %v, want ErrRedacted", err)
	}
	if err := json.Unmarshal([]byte(`"other"`), &s); err != nil || string(s.Reveal()) != "other" {
		t.Errorf("a value does not decode: %v", err)
	}
}
