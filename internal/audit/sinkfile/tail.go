package sinkfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"keyfob/internal/audit"
	"keyfob/internal/core"
)

// block is how much is read at once, from the end of the file on.
const block = 64 << 10

// maxTail bounds how far back a header or a checkpoint is looked for: there is
// one for every few dozen entries.
const maxTail = 64 << 20

// Check says why a file cannot be gone on with, and changes nothing. That there is
// none is no fault. Errors: as of Position.
func Check(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f := New(path)
	switch {
	case err != nil:
		return f.fault(err)
	case !info.Mode().IsRegular():
		return f.notOurs(errors.New("not a file"))
	case info.Size() == 0:
		return nil
	}
	d, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0) //nolint:gosec // the operator names it
	if err != nil {
		return f.fault(err)
	}
	defer func() { _ = d.Close() }() // nothing was written
	f.disk, f.size = d, info.Size()
	_, _, err = f.tail()
	return err
}

// tail reads the end of the file: from the last header or checkpoint on, which
// name every writer's newest entry. whole is where the last whole line ends.
func (f *File) tail() (at audit.Position, whole int64, err error) {
	var text []byte
	for from := f.size; ; {
		if from == 0 || len(text) > maxTail {
			return f.headless(text, from)
		}
		n := min(int64(block), from)
		from -= n
		part := make([]byte, n)
		if _, err := f.disk.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return at, 0, f.fault(err)
		}
		text = append(part, text...)
		end := bytes.LastIndexByte(text, '\n') + 1
		if start := lastAnchor(text[:end], from == 0); start >= 0 {
			at, err := f.read(text[start:end])
			return at, from + int64(end), err
		}
	}
}

// headless is for a file without a header. One whose first line is torn holds
// nothing; any other is not ours.
func (f *File) headless(text []byte, from int64) (audit.Position, int64, error) {
	if from == 0 && !bytes.Contains(text, []byte("\n")) && bytes.HasPrefix(text, []byte(headerStart[:min(len(text), len(headerStart))])) {
		return audit.Position{}, 0, nil
	}
	return audit.Position{}, 0, f.notOurs(errors.New("no header and no checkpoint"))
}

const (
	headerStart     = `{"keyfob_audit":`
	checkpointStart = `{"checkpoint":`
)

// lastAnchor is where the last header or checkpoint begins, or -1. Only at
// begins of lines: where the text does not start with one, its first line is a
// part of one.
func lastAnchor(text []byte, first bool) int {
	best := -1
	for _, start := range []string{headerStart, checkpointStart} {
		if i := bytes.LastIndex(text, []byte("\n"+start)); i >= 0 {
			best = max(best, i+1)
		}
		if best < 0 && first && bytes.HasPrefix(text, []byte(start)) {
			best = 0
		}
	}
	return best
}

func (f *File) read(lines []byte) (audit.Position, error) {
	var at audit.Position
	for line := range bytes.Lines(lines) {
		if err := at.Line(line); err != nil {
			return at, f.notOurs(err)
		}
	}
	return at, nil
}

func (f *File) notOurs(err error) error {
	return core.Errorf(core.Unavailable, "the end of %s is not the copy of an audit trail", f.path).
		WithReason("not_a_trail").WithHint("look at it, then move it away: the copy begins anew, and the entries are kept until then").Wrap(err)
}
