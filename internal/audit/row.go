package audit

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// rowFormat opens the bytes that a Row hashes.
const rowFormat = "keyfob/row/1"

// Row is a stored record on its way to its digest, in format keyfob/row/1. With
// fields as in Hash:
//
//	"keyfob/row/1", kind, count of fields that are not zero (number),
//	then of each in order of name: name, value
//
// A value is a text's or blob's bytes; 8 bytes big-endian for a number, 1 for
// true, and the microseconds since 1970 for a time; of a list its items and of a
// map each key and its value in order of key, all as fields. What is empty, 0,
// false or the zero time is left out, so that a field which comes later changes
// no older digest.
type Row struct{ fields map[string]string }

// Text adds texts: name, value, name, value…
func (r *Row) Text(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		r.put(pairs[i], pairs[i+1])
	}
}

// Number adds a number.
func (r *Row) Number(name string, n int64) {
	if n != 0 {
		var e encoder
		e.raw(n)
		r.put(name, string(e.out))
	}
}

// Flag adds a truth.
func (r *Row) Flag(name string, b bool) {
	if b {
		r.Number(name, 1)
	}
}

// Time adds a time, to the microsecond that stores keep.
func (r *Row) Time(name string, t time.Time) {
	if !t.IsZero() {
		r.Number(name, t.UnixMicro())
	}
}

// Blob adds bytes.
func (r *Row) Blob(name string, b []byte) { r.put(name, string(b)) }

// List adds texts in their order.
func (r *Row) List(name string, list []string) {
	var e encoder
	for _, s := range list {
		e.text(utf8Of(s))
	}
	r.put(name, string(e.out))
}

// Map adds texts by key.
func (r *Row) Map(name string, m map[string]string) {
	var e encoder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.text(utf8Of(k), utf8Of(m[k]))
	}
	r.put(name, string(e.out))
}

// Digest is the SHA-256 of the record in lower-case hex.
func (r *Row) Digest(kind string) string {
	var e encoder
	e.text(rowFormat, kind)
	e.number(int64(len(r.fields)))
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		e.text(name, r.fields[name])
	}
	return hex.EncodeToString(e.sum())
}

func (r *Row) put(name, value string) {
	if value == "" {
		return
	}
	if r.fields == nil {
		r.fields = map[string]string{}
	}
	r.fields[name] = value
}

// utf8Of is the text as it comes back from JSON, in which stores keep lists and
// maps: each byte that is no UTF-8 is U+FFFD.
func utf8Of(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
