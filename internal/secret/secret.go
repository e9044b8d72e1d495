// Package secret holds values that must not be seen: a Secret travels through
// the program like any other value, and every way of printing it gives
// "[redacted]".
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every way of printing a Secret gives.
const Redacted = "[redacted]"

// ErrRedacted refuses to decode the text "[redacted]" as a value: it is what a
// printed Secret looks like, so a read-then-write would destroy the value.
var ErrRedacted = errors.New(`the text "[redacted]" is not a value`)

// Secret is a value that cannot be printed. The bytes sit behind a closure,
// because fmt prints unexported fields without asking their methods, but prints
// a func as an address. The zero value is empty. A Secret is not comparable
// with ==; use Equal.
type Secret struct{ reveal func() []byte }

// New keeps a copy of b.
func New(b []byte) Secret {
	own := append([]byte(nil), b...)
	return Secret{reveal: func() []byte { return own }}
}

// FromString keeps the bytes of s.
func FromString(s string) Secret { return New([]byte(s)) }

// Reveal returns a copy of the value. Each call is a place where a value can
// leak; the linter allows it in a named few packages only.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return append([]byte(nil), s.reveal()...)
}

// Len is the number of bytes.
func (s Secret) Len() int {
	if s.reveal == nil {
		return 0
	}
	return len(s.reveal())
}

// IsZero says whether the value is empty.
func (s Secret) IsZero() bool { return s.Len() == 0 }

// Equal compares in constant time for values of equal length.
func (s Secret) Equal(o Secret) bool {
	var a, b []byte
	if s.reveal != nil {
		a = s.reveal()
	}
	if o.reveal != nil {
		b = o.reveal()
	}
	return subtle.ConstantTimeCompare(a, b) == 1
}

// String implements fmt.Stringer.
func (Secret) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return Redacted }

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText keeps the text as the value, and refuses Redacted.
func (s *Secret) UnmarshalText(b []byte) error {
	if string(b) == Redacted {
		return ErrRedacted
	}
	*s = New(b)
	return nil
}
