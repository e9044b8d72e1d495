package gateway

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// HeadSize is how much of a body is looked at for its model and marks, in bytes.
const HeadSize = 256 << 10

// keepBuffer is the largest buffer that is kept for the next request, in bytes.
const keepBuffer = 1 << 20

// spooler takes request bodies in so that they can be sent again: in memory up
// to a limit per request and one over all, then in a file that has no name any
// more.
type spooler struct {
	dir     string
	memory  int64 // per request
	limit   int64 // per request, in a file; beyond it a body is sent once
	buffers sync.Pool
	budget  atomic.Int64 // of memory over all requests, what is left
	disk    atomic.Int64 // of files over all requests, what is left
}

// spool is one body taken in. It is freed when the handler and every reader
// have let go of it: a transport may still read a body after it has given the
// answer.
type spool struct {
	from  *spooler
	buf   *[]byte   // the body so far, or what fits into the memory
	file  *os.File  // nil: all is in buf
	size  int64     // bytes in buf or file
	rest  io.Reader // what comes after them and can be read once; nil: nothing
	taken int64     // of the budget
	used  int64     // of the disk
	refs  atomic.Int32
}

// errSpoolClosed is what reading a closed body gives.
var errSpoolClosed = errors.New("gateway: body is closed")

// take reads a body of length bytes, -1 where that is not known. Errors are the
// client's: it went away, or sent less than it said.
func (s *spooler) take(body io.Reader, length int64) (*spool, error) {
	p := &spool{from: s, buf: s.buffer()}
	p.refs.Store(1)
	var err error
	switch {
	case length > s.limit:
		err = p.readHead(body)
	case length >= 0 && length <= s.memory && s.reserve(p, length):
		err = p.readAll(body, length)
	default:
		err = p.readOpen(body)
	}
	if err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// readAll reads a body of known length into memory.
func (p *spool) readAll(body io.Reader, length int64) error {
	b := *p.buf
	if int64(cap(b)) < length {
		b = make([]byte, length)
	}
	b = b[:length]
	*p.buf = b
	n, err := io.ReadFull(body, b)
	p.size = int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// readHead reads the first HeadSize bytes and leaves the rest with the client.
func (p *spool) readHead(body io.Reader) error {
	p.rest = body
	*p.buf = sized(*p.buf, HeadSize)
	n, err := fill(body, *p.buf)
	*p.buf, p.size = (*p.buf)[:n], int64(n)
	if err == io.EOF {
		p.rest, err = nil, nil
	}
	return err
}

// fill reads until b is full, or gives why it is not: io.EOF at the body's end,
// and io.ErrUnexpectedEOF, which io.ReadFull would give for both, where it was
// cut off before.
func fill(body io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = body.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

const step = 64 << 10

// readOpen reads a body of unknown length, or one that the memory does not
// take: piece by piece into memory while that lasts, then into a file.
func (p *spool) readOpen(body io.Reader) error {
	for p.size+step <= p.from.memory && p.from.reserve(p, step) {
		b := sized(*p.buf, int(p.size)+step)
		*p.buf = b
		n, err := fill(body, b[p.size:])
		p.size += int64(n)
		*p.buf = b[:p.size]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return p.toFile(body)
}

// toFile goes on in a file. Where there is no room for one, the body is sent
// once with what is in memory, which is then at least the head.
func (p *spool) toFile(body io.Reader) error {
	f, err := tempFile(p.from.dir)
	if err != nil {
		return p.fallBack(body)
	}
	if _, err := f.Write((*p.buf)[:p.size]); err != nil {
		_ = closeTemp(f)
		return p.fallBack(body)
	}
	p.file = f
	w := &diskWriter{p: p}
	n, err := io.CopyN(w, body, p.from.limit-p.size)
	p.size += n
	switch {
	case w.err != nil:
		p.rest = io.MultiReader(&w.lost, body) // the disk is full: the rest goes by once
	case err == io.EOF:
	case err != nil:
		return err
	default:
		p.rest = body
	}
	p.dropMemory()
	return nil
}

func (p *spool) fallBack(body io.Reader) error {
	if p.size >= HeadSize {
		p.rest = body
		return nil
	}
	old := append([]byte(nil), (*p.buf)[:p.size]...)
	return p.readHead(io.MultiReader(newBytes(old), body))
}

// head is the first HeadSize bytes. It is valid until free is called.
func (p *spool) head() (b []byte, free func()) {
	n := min(p.size, HeadSize)
	if p.file == nil {
		return (*p.buf)[:n], func() {}
	}
	buf := p.from.buffer()
	*buf = sized(*buf, int(n))
	got, _ := p.file.ReadAt((*buf)[:n], 0) // what cannot be read is not looked at
	return (*buf)[:got], func() { p.from.putBack(buf) }
}

// length is the body's, -1 where it is not known.
func (p *spool) length(declared int64) int64 {
	if p.rest == nil {
		return p.size
	}
	return declared
}

// open gives the body from its start. With a rest it works once.
func (p *spool) open() io.ReadCloser {
	p.refs.Add(1)
	return &spoolReader{p: p}
}

// release lets go of the body; the last to do so frees it.
func (p *spool) release() {
	if p.refs.Add(-1) > 0 {
		return
	}
	p.dropMemory()
	if p.file != nil {
		_ = closeTemp(p.file) // it has no name: nothing is left of it
	}
	p.from.disk.Add(p.used)
}

func (p *spool) dropMemory() {
	if p.buf != nil {
		p.from.putBack(p.buf)
		p.buf = nil
	}
	p.from.budget.Add(p.taken)
	p.taken = 0
}

func (s *spooler) reserve(p *spool, n int64) bool {
	if s.budget.Add(-n) < 0 {
		s.budget.Add(n)
		return false
	}
	p.taken += n
	return true
}

func (s *spooler) buffer() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (s *spooler) putBack(b *[]byte) {
	if cap(*b) <= keepBuffer {
		*b = (*b)[:0]
		s.buffers.Put(b)
	}
}

// sized gives b with length n, its bytes kept.
func sized(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	grown := make([]byte, n, max(n, 2*cap(b)))
	copy(grown, b)
	return grown
}

// spoolReader reads a body from its start. Close may come while Read runs, as a
// transport does it when a connection breaks.
type spoolReader struct {
	p *spool

	mu     sync.Mutex // guards what is below
	off    int64
	closed bool
}

func (r *spoolReader) Read(b []byte) (int, error) {
	n, more, err := r.readStored(b)
	if !more {
		return n, err
	}
	n, err = r.p.rest.Read(b) // not under the lock: it may wait for the client
	if err != nil && err != io.EOF {
		err = notWhole(err)
	}
	return n, err
}

func (r *spoolReader) readStored(b []byte) (n int, more bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, false, errSpoolClosed
	case r.off >= r.p.size && r.p.rest != nil:
		return 0, true, nil
	case r.off >= r.p.size:
		return 0, false, io.EOF
	}
	if int64(len(b)) > r.p.size-r.off {
		b = b[:r.p.size-r.off]
	}
	if r.p.file != nil {
		n, err = r.p.file.ReadAt(b, r.off)
		if err == io.EOF && n == len(b) {
			err = nil
		}
	} else {
		n = copy(b, (*r.p.buf)[r.off:r.p.size])
	}
	r.off += int64(n)
	return n, false, err
}

func (r *spoolReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.p.release()
	}
	return nil
}
