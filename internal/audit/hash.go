package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"keyfob/internal/core"
)

// What opens the bytes that are hashed; another encoding gets another name.
const (
	chainFormat      = "keyfob/audit/1"
	checkpointFormat = "keyfob/checkpoint/1"
	exportFormat     = "keyfob/audit-export/1"
)

// Hash is the SHA-256 of an entry in format keyfob/audit/1. Every field is its
// length in bytes as 8 bytes big-endian, then its bytes; a number is a field of
// 8 bytes big-endian (two's complement). So no two entries encode alike. The
// fields in order:
//
//	"keyfob/audit/1", writer, seq (number), time (number, nanoseconds since 1970 UTC),
//	actor kind, actor id, kind and id of the actor's owner, action,
//	owner kind, owner id, subject, outcome,
//	count of details (number), then of each in order of key: key, value,
//	the previous entry's hash (empty for the first)
func Hash(e core.AuditEntry) []byte {
	var b encoder
	b.text(chainFormat, e.Writer)
	b.number(e.Seq, e.At.UnixNano())
	b.text(string(e.Actor.Kind), e.Actor.ID, string(e.Actor.Owner.Kind), e.Actor.Owner.ID, e.Action)
	b.text(string(e.Owner.Kind), e.Owner.ID, e.Subject, e.Outcome)
	b.number(int64(len(e.Detail)))
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		b.text(k, e.Detail[k])
	}
	b.text(string(e.PrevHash))
	return b.sum()
}

// CheckpointHash is the SHA-256 of a checkpoint in format keyfob/checkpoint/1,
// with fields as in Hash:
//
//	"keyfob/checkpoint/1", number (number), time (number, nanoseconds since 1970 UTC),
//	count of heads (number), then of each in the order that they stand in: writer, seq (number), hash,
//	the previous checkpoint's hash (empty for the first), the id of the key that signs
func CheckpointHash(c core.Checkpoint) []byte {
	var b encoder
	b.text(checkpointFormat)
	b.number(c.Number, c.At.UnixNano(), int64(len(c.Heads)))
	for _, h := range c.Heads {
		b.text(h.Writer)
		b.number(h.Seq)
		b.text(string(h.Hash))
	}
	b.text(string(c.PrevHash), c.KeyID)
	return b.sum()
}

// hash is what a trailer's signature is over: "keyfob/audit-export/1", the
// numbers of entries and checkpoints, and the SHA-256 of every byte before it.
func (t trailer) hash() []byte {
	var b encoder
	b.text(exportFormat)
	b.number(t.Entries, t.Checkpoints)
	b.text(string(t.Digest))
	return b.sum()
}

type encoder struct{ out []byte }

func (e *encoder) text(fields ...string) {
	for _, f := range fields {
		e.out = binary.BigEndian.AppendUint64(e.out, uint64(len(f)))
		e.out = append(e.out, f...)
	}
}

func (e *encoder) number(fields ...int64) {
	for _, n := range fields {
		var one encoder
		one.raw(n)
		e.text(string(one.out))
	}
}

// raw adds a number's bytes without their length.
func (e *encoder) raw(n int64) {
	e.out = binary.BigEndian.AppendUint64(e.out, uint64(n)) //nolint:gosec // two's complement, as the format says
}

func (e *encoder) sum() []byte {
	sum := sha256.Sum256(e.out)
	return sum[:]
}
