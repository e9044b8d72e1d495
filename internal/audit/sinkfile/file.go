// Package sinkfile keeps a copy of the audit trail in a file: lines as package
// audit writes them, appended and synced.
//
// The file says by itself how far it goes, so nothing else is kept: after a kill
// -9 the torn end of the last line is cut off and the copy goes on behind it. It
// may be renamed, truncated or removed at any time, as log rotation does: the
// next lines begin a new file, with a header that says what it follows. Without
// any file the copy begins anew, with the first entry. One process writes a file.
package sinkfile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"keyfob/internal/audit"
	"keyfob/internal/core"
)

// File implements guard.Sink. It is safe for concurrent use.
type File struct {
	path string
	open func(path string) (disk, error)

	mu    sync.Mutex // guards what is below
	disk  disk       // nil: to be opened, and read from its end
	size  int64      // bytes that are there durably, all of whole lines
	at    audit.Position
	doubt os.FileInfo // of a file that may hold more than size, not durably; else nil
}

// disk is what a File needs of an *os.File.
type disk interface {
	ReadAt(p []byte, off int64) (int, error)
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Stat() (os.FileInfo, error)
	Close() error
}

// New names the file; it does no I/O. The file is made with mode 0600 where
// there is none.
func New(path string) *File {
	return &File{path: path, open: func(path string) (disk, error) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the operator names it
	}}
}

// Position implements guard.Sink. An error is of code unavailable: the file
// cannot be read, or holds something else than a trail.
func (f *File) Position(context.Context) (audit.Position, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.readyLocked(); err != nil {
		return audit.Position{}, err
	}
	return f.at.Clone(), nil
}

// Append implements guard.Sink: when it returns nil the lines are on the disk.
func (f *File) Append(_ context.Context, h audit.Header, lines []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.readyLocked(); err != nil {
		return err
	}
	next, err := f.follow(h, lines)
	if err != nil {
		return err
	}
	if f.size == 0 || !h.After.Equal(f.at) {
		lines = append(audit.AppendHeader(nil, h), lines...)
	}
	_, err = f.disk.Write(lines)
	if err == nil {
		err = f.disk.Sync()
	}
	if err != nil {
		return errors.Join(f.fault(err), f.takeBackLocked())
	}
	f.size += int64(len(lines))
	f.at = next
	return nil
}

// takeBackLocked cuts off what was written and not synced. It must not stay: once
// a sync has failed, the system may call clean what never reached the disk, and
// the next sync would say nothing of it.
func (f *File) takeBackLocked() error {
	if f.disk.Truncate(f.size) == nil {
		return nil
	}
	f.doubt, _ = f.disk.Stat()
	return f.closeLocked()
}

// follow is the position behind the lines.
func (f *File) follow(h audit.Header, lines []byte) (audit.Position, error) {
	at := h.After.Clone()
	for line := range bytes.Lines(lines) {
		if err := at.Line(line); err != nil {
			return at, core.Errorf(core.Internal, "a line for the copy of the audit trail cannot be read").WithHint("report this as a defect").Wrap(err)
		}
	}
	return at, nil
}

// Close closes the file. It may be used again.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closeLocked()
}

func (f *File) closeLocked() error {
	if f.disk == nil {
		return nil
	}
	err := f.disk.Close()
	f.disk = nil
	return err
}

// readyLocked has the file open that stands at the path now.
func (f *File) readyLocked() error {
	if f.disk != nil && f.moved() {
		_ = f.closeLocked() // all that was acknowledged is synced
	}
	if f.disk != nil {
		return nil
	}
	d, err := f.open(f.path)
	if err != nil {
		return f.fault(err)
	}
	f.disk = d
	if err := f.resume(); err != nil {
		return errors.Join(err, f.closeLocked())
	}
	return nil
}

// moved says whether what is open is not what stands at the path, or not as it
// was left.
func (f *File) moved() bool {
	there, err := os.Stat(f.path)
	if err != nil {
		return true
	}
	mine, err := f.disk.Stat()
	return err != nil || !os.SameFile(there, mine) || mine.Size() != f.size
}

// resume reads how far the file goes. An empty one goes as far as the one before
// it did, if this process wrote that.
func (f *File) resume() error {
	info, err := f.disk.Stat()
	if err != nil {
		return f.fault(err)
	}
	if f.doubt != nil && os.SameFile(f.doubt, info) && info.Size() >= f.size {
		if err := f.disk.Truncate(f.size); err != nil {
			return f.fault(err)
		}
		f.doubt = nil
		return nil
	}
	f.doubt = nil
	if !info.Mode().IsRegular() {
		return core.Errorf(core.Unavailable, "%s is not a file", f.path).WithHint("name a file for the copy of the audit trail")
	}
	f.size = info.Size()
	if f.size == 0 {
		return f.syncDirectory()
	}
	at, whole, err := f.tail()
	if err != nil {
		return err
	}
	if whole < f.size {
		if err := f.disk.Truncate(whole); err != nil {
			return f.fault(err)
		}
		f.size = whole
	}
	if whole > 0 {
		f.at = at
	}
	return nil
}

// syncDirectory makes a new file's name durable, where a system can.
func (f *File) syncDirectory() error {
	d, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return f.fault(err)
	}
	err = errors.Join(d.Sync(), d.Close())
	if err != nil && runtime.GOOS != "windows" {
		return f.fault(err)
	}
	return nil
}

func (f *File) fault(err error) error {
	hint := "check the disk and the directory; the entries are kept and copied once it works"
	if errors.Is(err, fs.ErrPermission) {
		hint = "let the user that Keyfob runs as write it; the entries are kept and copied then"
	}
	return core.Errorf(core.Unavailable, "the copy of the audit trail in %s cannot be written", f.path).WithHint("%s", hint).Wrap(err)
}
