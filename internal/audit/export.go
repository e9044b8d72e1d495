package audit

import (
	"crypto/sha256"
	"hash"
	"io"
	"time"

	"keyfob/internal/core"
)

// Exporter writes an export. It keeps nothing of what it wrote but a digest.
type Exporter struct {
	w      io.Writer
	signer Signer
	digest hash.Hash
	t      trailer
	buf    []byte
}

// NewExporter writes the header. The caller writes each checkpoint behind the
// entries that it names as heads.
func NewExporter(w io.Writer, s Signer, at time.Time) (*Exporter, error) {
	x := &Exporter{w: w, signer: s, digest: sha256.New()}
	return x, x.line(AppendHeader(nil, Header{Kind: KindExport, At: at, PublicKey: s.Public()}))
}

// Entry writes an entry.
func (x *Exporter) Entry(e core.AuditEntry) error {
	x.t.Entries++
	return x.line(AppendEntry(x.buf[:0], e))
}

// Checkpoint writes a checkpoint.
func (x *Exporter) Checkpoint(c core.Checkpoint) error {
	x.t.Checkpoints++
	return x.line(AppendCheckpoint(x.buf[:0], c))
}

// Close writes the signed trailer: without it an export is not whole.
func (x *Exporter) Close() error {
	x.t.Digest, x.t.KeyID = x.digest.Sum(nil), x.signer.KeyID()
	x.t.Signature = x.signer.with().sign(x.t.hash())
	return x.line(appendTrailer(x.buf[:0], x.t))
}

func (x *Exporter) line(b []byte) error {
	x.buf = b
	_, _ = x.digest.Write(b) // never fails
	_, err := x.w.Write(b)
	return err
}
