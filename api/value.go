package api

import (
	"encoding/json"
	"fmt"
	"io"
)

// Value is a secret's value on the wire: base64 in JSON, so that every byte
// survives, and "[redacted]" in every other way of printing it. The zero value
// is empty.
type Value struct{ reveal func() []byte }

// NewValue keeps a copy of b.
func NewValue(b []byte) Value {
	own := append([]byte(nil), b...)
	return Value{reveal: func() []byte { return own }}
}

// Bytes returns a copy of the value.
func (v Value) Bytes() []byte {
	if v.reveal == nil {
		return nil
	}
	return append([]byte(nil), v.reveal()...)
}

// IsZero says whether the value is empty; encoding/json's omitzero asks it.
func (v Value) IsZero() bool { return v.reveal == nil || len(v.reveal()) == 0 }

// MarshalJSON writes the value itself, in base64: a Value is only marshalled
// where it is meant to travel.
func (v Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]byte{}, v.Bytes()...)) // an empty one is "", not null
}

// UnmarshalJSON reads base64.
func (v *Value) UnmarshalJSON(b []byte) error {
	var raw []byte
	if err := json.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("a value is base64 in a JSON string")
	}
	*v = NewValue(raw)
	return nil
}

const redacted = "[redacted]"

// String implements fmt.Stringer.
func (Value) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Value) GoString() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
