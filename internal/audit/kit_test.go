package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
)

func signer(seed byte) audit.Signer {
	return audit.NewSigner(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)) })
}

// trail is what a vault would have written.
type trail struct {
	signer      audit.Signer
	heads       map[string]core.Head
	last        core.Checkpoint
	items       []any // core.AuditEntry and core.Checkpoint, in the order of a file
	entries     int
	checkpoints int
}

func newTrail(s audit.Signer) *trail { return &trail{signer: s, heads: map[string]core.Head{}} }

var when = at(0)

func at(n int) time.Time {
	return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Add(time.Duration(n) * time.Microsecond)
}

// entry appends one; signed mentions the checkpoint that the caller signs next.
func (t *trail) entry(writer string, signed bool) {
	t.entries++
	head := t.heads[writer]
	e := core.AuditEntry{
		Writer: writer, Seq: head.Seq + 1, At: at(t.entries),
		Actor:  core.Actor{Kind: core.UserActor, ID: "ann", Owner: core.Owner{Kind: core.UserOwner, ID: "ann"}},
		Action: "secret.create", Owner: core.Local, Subject: fmt.Sprintf("secret:N_%d <\"\\\u2028\x01>", t.entries), Outcome: "ok",
		Detail: map[string]string{"via": "token:tok_1", "wrote secret/s": "v1 sha256:00"}, PrevHash: head.Hash,
	}
	if signed {
		audit.Mention(&e, t.last.Number+1)
	}
	e.Hash = audit.Hash(e)
	t.heads[writer] = core.Head{Writer: writer, Seq: e.Seq, Hash: e.Hash}
	t.items = append(t.items, e)
}

func (t *trail) checkpoint() {
	t.checkpoints++
	var heads []core.Head
	for _, w := range slices.Sorted(maps.Keys(t.heads)) {
		heads = append(heads, t.heads[w])
	}
	t.last = t.signer.Checkpoint(t.last, heads, at(t.entries))
	t.items = append(t.items, t.last)
}

// sample has two writers and four checkpoints.
func sample() *trail { return rounds(4) }

// rounds has four entries and a checkpoint for each.
func rounds(n int) *trail {
	t := newTrail(signer(1))
	for range n {
		t.entry("a", false)
		t.entry("a", false)
		t.entry("b", false)
		t.entry("b", true)
		t.checkpoint()
	}
	return t
}

func (t *trail) export(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	x, err := audit.NewExporter(&out, t.signer, at(0))
	if err != nil {
		tb.Fatal(err)
	}
	for _, i := range t.items {
		switch i := i.(type) {
		case core.AuditEntry:
			err = x.Entry(i)
		case core.Checkpoint:
			err = x.Checkpoint(i)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// sink is the same as a sink's file.
func (t *trail) sink() []byte {
	out := audit.AppendHeader(nil, audit.Header{Kind: audit.KindSink, At: at(0), PublicKey: t.signer.Public()})
	for _, i := range t.items {
		switch i := i.(type) {
		case core.AuditEntry:
			out = audit.AppendEntry(out, i)
		case core.Checkpoint:
			out = audit.AppendCheckpoint(out, i)
		}
	}
	return out
}

func linesOf(b []byte) []string {
	out := strings.SplitAfter(string(b), "\n")
	return out[:len(out)-1]
}

func verify(tb testing.TB, text string) audit.Verification {
	tb.Helper()
	v, err := audit.VerifyExport(strings.NewReader(text), signer(1).Public())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
