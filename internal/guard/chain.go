package guard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Outcomes of an entry.
const (
	Attempt = "attempt" // an exposure is about to happen; its outcome follows
	OK      = "ok"
	Denied  = "denied" // the policy forbids it
	Failed  = "failed" // allowed, and did not happen; Detail has the code
)

// chainFormat opens what is hashed; another encoding gets another name.
const chainFormat = "keyfob/audit/1"

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
	sum := sha256.Sum256(b.out)
	return sum[:]
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
		e.text(string(binary.BigEndian.AppendUint64(nil, uint64(n)))) //nolint:gosec // two's complement, as the format says
	}
}

// validTexts makes every text UTF-8, as stores keep texts: an entry that came
// back changed would break its chain.
func validTexts(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[strings.ToValidUTF8(k, "�")] = strings.ToValidUTF8(v, "�")
	}
	return out
}

// add appends one entry to this writer's chain, inside the caller's transaction:
// it is durable exactly when the act is.
func (g *Guard) add(ctx context.Context, tx store.Tx, e core.AuditEntry) (int64, error) {
	head, err := tx.Audit().Head(ctx, g.writer)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return 0, err
	}
	e.Writer, e.Seq, e.PrevHash = g.writer, head.Seq+1, head.Hash
	e.Subject, e.Detail = strings.ToValidUTF8(e.Subject, "�"), validTexts(e.Detail)
	e.At = time.Now().UTC().Truncate(time.Microsecond)
	e.Hash = Hash(e)
	return e.Seq, tx.Audit().Append(ctx, e)
}
