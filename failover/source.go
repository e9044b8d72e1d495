package failover

import (
	"io"
	"sync"
)

// source is an attempt's body on its way to Base. It remembers why it could not
// be read, which tells the caller's failure from the upstream's.
type source struct {
	io.ReadCloser

	mu     sync.Mutex // guards what is below
	closed bool
	err    error
}

// Read implements io.Reader. What it gives after Close, which Base may call
// during it, tells nothing.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (s *source) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return s.ReadCloser.Close()
}

// fault is why the body could not be read; nil if it could, or if there is none.
func (s *source) fault() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
