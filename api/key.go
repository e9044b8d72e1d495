package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Key is a token, key or code that Keyfob made, on the wire: itself in a JSON
// string, so that a script reads it as it is sent back, and "[redacted]" in every
// other way of printing it. It is one word of visible ASCII. The zero value is
// empty.
type Key struct{ reveal func() []byte }

// NewKey keeps a copy of b.
func NewKey(b []byte) Key {
	own := append([]byte(nil), b...)
	return Key{reveal: func() []byte { return own }}
}

// Bytes returns a copy of the key.
func (k Key) Bytes() []byte {
	if k.reveal == nil {
		return nil
	}
	return append([]byte(nil), k.reveal()...)
}

// IsZero says whether the key is empty; encoding/json's omitzero asks it.
func (k Key) IsZero() bool { return k.reveal == nil || len(k.reveal()) == 0 }

// MarshalJSON writes the key itself: a Key is only marshalled where it is meant to
// travel. What cannot be one is an error that does not show it.
func (k Key) MarshalJSON() ([]byte, error) {
	b := k.Bytes()
	if !oneWord(b) {
		return nil, errNoKey()
	}
	return json.Marshal(string(b))
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (k *Key) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil || !oneWord([]byte(text)) || text == redacted {
		return errNoKey()
	}
	*k = NewKey([]byte(text))
	return nil
}

func errNoKey() error { return errors.New("a key is one word of visible ASCII in a JSON string") }

func oneWord(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// String implements fmt.Stringer.
func (Key) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
