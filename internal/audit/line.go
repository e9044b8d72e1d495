package audit

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"keyfob/internal/core"
)

// The kinds of file.
const (
	KindExport = "export" // whole and signed at its end
	KindSink   = "sink"   // open-ended: lines come as the trail grows
)

// Header opens a file, and in a sink's also a new part.
type Header struct {
	Kind      string
	At        time.Time
	PublicKey []byte // of the signer; it is for whoever has no other way to know it
	After     Position
}

// trailer closes an export.
type trailer struct {
	Entries, Checkpoints int64
	Digest               []byte
	KeyID                string
	Signature            []byte
}

const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// AppendHeader adds the header's line. Like all lines it has one form only, so
// that a changed byte is a changed line.
func AppendHeader(b []byte, h Header) []byte {
	o := object{b: append(b, '{')}
	o.number("keyfob_audit", 1)
	o.text("kind", h.Kind)
	o.text("at", h.At.UTC().Format(timeFormat))
	o.text("public_key", hex.EncodeToString(h.PublicKey))
	o.key("after")
	after := object{b: append(o.b, '{')}
	heads := make([]core.Head, 0, len(h.After.Heads))
	for _, w := range slices.Sorted(maps.Keys(h.After.Heads)) {
		heads = append(heads, h.After.Heads[w])
	}
	after.heads(heads)
	after.number("checkpoint", h.After.Checkpoint)
	after.text("checkpoint_hash", hex.EncodeToString(h.After.CheckpointHash))
	return append(after.b, "}}\n"...)
}

// AppendEntry adds an entry's line, with every field that its hash covers.
func AppendEntry(b []byte, e core.AuditEntry) []byte {
	o := object{b: append(b, `{"entry":{`...)}
	o.text("writer", e.Writer)
	o.number("seq", e.Seq)
	o.text("at", e.At.UTC().Format(timeFormat))
	o.key("actor")
	actor := object{b: append(o.b, '{')}
	actor.text("kind", string(e.Actor.Kind))
	actor.text("id", e.Actor.ID)
	actor.text("owner", ownerText(e.Actor.Owner))
	o.b = append(actor.b, '}')
	o.text("action", e.Action)
	o.text("owner", ownerText(e.Owner))
	o.text("subject", e.Subject)
	o.text("outcome", e.Outcome)
	o.key("detail")
	detail := object{b: append(o.b, '{')}
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		detail.text(k, e.Detail[k])
	}
	o.b = append(detail.b, '}')
	o.text("prev_hash", hex.EncodeToString(e.PrevHash))
	o.text("hash", hex.EncodeToString(e.Hash))
	return append(o.b, "}}\n"...)
}

// AppendCheckpoint adds a checkpoint's line.
func AppendCheckpoint(b []byte, c core.Checkpoint) []byte {
	o := object{b: append(b, `{"checkpoint":{`...)}
	o.number("number", c.Number)
	o.text("at", c.At.UTC().Format(timeFormat))
	o.heads(c.Heads)
	o.text("prev_hash", hex.EncodeToString(c.PrevHash))
	o.text("hash", hex.EncodeToString(c.Hash))
	o.text("key_id", c.KeyID)
	o.text("signature", hex.EncodeToString(c.Signature))
	return append(o.b, "}}\n"...)
}

func appendTrailer(b []byte, t trailer) []byte {
	o := object{b: append(b, `{"trailer":{`...)}
	o.number("entries", t.Entries)
	o.number("checkpoints", t.Checkpoints)
	o.text("digest", hex.EncodeToString(t.Digest))
	o.text("key_id", t.KeyID)
	o.text("signature", hex.EncodeToString(t.Signature))
	return append(o.b, "}}\n"...)
}

func ownerText(o core.Owner) string {
	if o == (core.Owner{}) {
		return ""
	}
	return o.String()
}

// object writes JSON in the one form of these files: no white space, fields in
// order, and in texts only what must be escaped is, as \" \\ or \u00xx.
type object struct {
	b    []byte
	more bool
}

func (o *object) key(name string) {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = append(quoted(o.b, name), ':')
}

func (o *object) text(name, value string) {
	o.key(name)
	o.b = quoted(o.b, value)
}

func (o *object) number(name string, n int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) heads(heads []core.Head) {
	o.key("heads")
	o.b = append(o.b, '[')
	for i, h := range heads {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		one := object{b: append(o.b, '{')}
		one.text("writer", h.Writer)
		one.number("seq", h.Seq)
		one.text("hash", hex.EncodeToString(h.Hash))
		o.b = append(one.b, '}')
	}
	o.b = append(o.b, ']')
}

func quoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r)) //nolint:gosec // both are ASCII
		case r < 0x20:
			b = append(b, `\u00`...)
			b = append(b, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
