package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"keyfob/internal/core"
)

// maxLine bounds a line: beyond it a file is none of ours. The longest entry is
// that of an apply, which names up to 20,000 records with three digests each.
const maxLine = 32 << 20

// VerifyExport reads an export or a sink's file and says what does not fit: each
// line that was changed, left out, moved, put in or cut off. It reads the file
// once and keeps one line and one state per writer in memory.
//
// key is the public key of the vault, from a source that whoever could write the
// file could not; without it the key that the file itself names is taken, and
// Unproven says what that is worth. Several files of one sink may be read as
// one, the oldest first.
//
// An error is one of reading, or of code invalid for a file that is none of
// these; whatever is found in the file is a Problem.
func VerifyExport(r io.Reader, key ed25519.PublicKey) (Verification, error) {
	f := file{r: bufio.NewReaderSize(r, 64<<10), digest: sha256.New(), key: key}
	if err := f.open(); err != nil {
		return Verification{}, err
	}
	for {
		raw, err := f.read()
		if errors.Is(err, io.EOF) {
			return f.finish(), nil
		}
		if err != nil {
			return Verification{}, err
		}
		f.take(raw)
	}
}

type file struct {
	r      *bufio.Reader
	digest hash.Hash // of all lines before this one
	key    ed25519.PublicKey
	given  bool // key was
	check  *Checker

	kind    string
	writer  string // of the entry before this one; empty behind a checkpoint
	counts  trailer
	trailer bool // it was there
	torn    bool // the last line has no end
}

func (f *file) open() error {
	raw, err := f.read()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	l, bad := ParseLine(raw)
	if bad != nil || l.Header == nil || (l.Header.Kind != KindExport && l.Header.Kind != KindSink) {
		e := core.Errorf(core.Invalid, "this does not begin as an audit trail does").WithField("file").
			WithHint("give a file that keyfob audit export wrote, or one of a sink, whole")
		return e.Wrap(bad)
	}
	f.given, f.kind = f.key != nil, l.Header.Kind
	if !f.given && len(l.Header.PublicKey) == ed25519.PublicKeySize {
		f.key = l.Header.PublicKey
	}
	f.check = NewChecker(f.key)
	f.check.line = 1
	f.check.start(l.Header.After)
	_, _ = f.digest.Write(raw) // never fails
	return nil
}

var errLong = core.Errorf(core.Invalid, "a line is longer than %d bytes: this is no audit trail", maxLine).
	WithHint("give a file that keyfob audit export wrote, or one of a sink")

// read gives the next line with its line feed; io.EOF behind the last. What
// stands behind the last line feed is a line too, and torn.
func (f *file) read() ([]byte, error) {
	var line []byte
	for {
		part, err := f.r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, errLong
		}
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			f.torn = true
			return line, nil
		default:
			return nil, err
		}
	}
}

func (f *file) take(raw []byte) {
	f.check.line++
	if f.trailer {
		f.problem("it stands behind the trailer")
		return
	}
	if f.torn {
		f.problem("it was cut off")
		return
	}
	l, err := ParseLine(raw)
	switch {
	case err != nil:
		f.problem(err.Error())
	case l.Entry != nil:
		f.entry(*l.Entry)
	case l.Checkpoint != nil:
		f.counts.Checkpoints++
		f.writer = ""
		f.check.Checkpoint(*l.Checkpoint)
	case l.Header != nil:
		f.header(*l.Header)
	default:
		f.end(*l.trailer)
	}
	_, _ = f.digest.Write(raw) // never fails
}

// entry also holds an export to its order: between two checkpoints the writers
// follow each other by name.
func (f *file) entry(e core.AuditEntry) {
	f.counts.Entries++
	if f.kind == KindExport && e.Writer < f.writer {
		f.problem(fmt.Sprintf("entry %d of %s stands behind one of %s: it was moved", e.Seq, e.Writer, f.writer))
	}
	f.writer = e.Writer
	f.check.Entry(e)
}

func (f *file) problem(why string) {
	f.check.found.Report(Problem{Line: f.check.line, Message: why})
}

// header takes a further part of a sink's file, which must go on where the one
// before it ended.
func (f *file) header(h Header) {
	if f.kind != KindSink || h.Kind != KindSink {
		f.problem("a second header stands in the middle")
		return
	}
	if !f.check.position().Equal(h.After) {
		f.problem("what follows does not go on where the lines before end: lines are missing, or the trail was put back to an earlier state")
		f.check.start(h.After)
	}
}

// end holds the trailer against what came before it.
func (f *file) end(t trailer) {
	f.trailer = true
	signed := len(f.key) == ed25519.PublicKeySize && t.KeyID == KeyID(f.key) && ed25519.Verify(f.key, t.hash(), t.Signature)
	switch {
	case f.kind != KindExport:
		f.problem("a trailer stands in a file that has none")
	case !signed:
		f.problem("the trailer is not signed with the key to verify with")
	case t.Entries != f.counts.Entries || t.Checkpoints != f.counts.Checkpoints:
		f.problem(fmt.Sprintf("the trailer was signed over %d entries and %d checkpoints, there are %d and %d before it",
			t.Entries, t.Checkpoints, f.counts.Entries, f.counts.Checkpoints))
	case !bytes.Equal(t.Digest, f.digest.Sum(nil)):
		f.problem("the lines before the trailer are not those that it was signed over")
	default:
		f.check.foreign = 0 // the trailer's signature covers them
	}
}

func (f *file) finish() Verification {
	lines := f.check.line
	if f.kind == KindExport && !f.trailer {
		f.check.found.Report(Problem{Line: lines, Message: "the file ends here, without the trailer that an export ends with: its end was cut off"})
	}
	out := f.check.Finish()
	if f.kind == KindSink {
		out.Unproven = append(out.Unproven, "lines cut off at the end of the file: a sink has no trailer")
	}
	if !f.given {
		out.Unproven = append(out.Unproven, "who signed: the key stands in the file itself. Give the vault's own, as keyfob audit verify --key, to know")
	}
	return out
}
