package gateway

import (
	"bytes"
	"errors"
	"io"
	"os"
)

func newBytes(b []byte) io.Reader { return bytes.NewReader(b) }

var errDiskBudget = errors.New("gateway: the budget of spooled bytes is used up")

// diskWriter writes to the spool's file within the budget. What it could not
// write stays in lost, so that no byte of the body is.
type diskWriter struct {
	p    *spool
	lost bytes.Buffer
	err  error
}

func (w *diskWriter) Write(b []byte) (int, error) {
	if w.p.from.disk.Add(-int64(len(b))) < 0 {
		w.p.from.disk.Add(int64(len(b)))
		w.err = errDiskBudget
	} else {
		w.p.used += int64(len(b))
	}
	n := 0
	if w.err == nil {
		n, w.err = w.p.file.Write(b)
	}
	w.lost.Write(b[n:])
	return n, w.err
}

// tempFile makes a file of mode 0600 that, where the system can, has no name
// from the start: after a crash nothing is left of it.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "keyfob-body-*")
	if err != nil {
		return nil, err
	}
	if unlinkOpen {
		if err := os.Remove(f.Name()); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return f, nil
}

func closeTemp(f *os.File) error {
	err := f.Close()
	if !unlinkOpen {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
