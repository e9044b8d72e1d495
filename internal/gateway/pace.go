package gateway

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// Deadlines of the connection are moved on as bytes come and go, so that a client
// that stands still is cut and a slow one is not. To move one costs more than to
// pass a piece on, so each lies an eighth further off than it must, and is moved
// when that eighth is over. Nothing here allocates.
//
// The server takes the reading side's deadline away when the body is at its end,
// and both before the connection's next request.

// reader is the request's body as it comes from the client.
type reader struct {
	from    io.Reader
	control *http.ResponseController
	idle    time.Duration

	mu    sync.Mutex // guards what is below
	moved time.Time  // when the deadline was moved
	over  bool       // the handler has returned: the connection is another request's
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if n > 0 && err == nil {
		r.move()
	}
	return n, err
}

// move gives the client its time from now on.
func (r *reader) move() {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && now.Sub(r.moved) > r.idle/8 {
		r.moved = now
		_ = r.control.SetReadDeadline(now.Add(r.idle + r.idle/8)) // a server without deadlines has no slow clients
	}
}

// end leaves the connection alone. A deadline that is left bounds how long the
// server waits for the rest of the body.
func (r *reader) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

// pace is the writing side.
type pace struct {
	control *http.ResponseController
	idle    time.Duration
	h2      bool // the deadline ends a stream though nothing is being written
	moved   time.Time
}

// write is called before bytes are written.
func (p *pace) write() {
	if now := time.Now(); now.Sub(p.moved) > p.idle/8 {
		p.moved = now
		_ = p.control.SetWriteDeadline(now.Add(p.idle + p.idle/8)) // as above
	}
}

// wait is called before the upstream is waited for.
func (p *pace) wait() {
	if p.h2 && !p.moved.IsZero() {
		p.moved = time.Time{}
		_ = p.control.SetWriteDeadline(time.Time{}) // as above
	}
}
