package failover

import (
	"context"
	"io"
	"time"
)

// ahead is an answer's body of which the beginning was read before it is handed
// on. It reads as the same bytes and the same end.
//
// Only one Read of the body is ever under way. It may still be when the time to
// look at the beginning is over; then its bytes come next. Close may be called
// during it, which net/http's bodies allow, and ends it.
type ahead struct {
	body    io.ReadCloser
	held    []byte
	err     error      // the body's end, to be given after held
	reads   chan piece // of the Read under way
	pending bool
	buf     []byte
}

type piece struct {
	n   int
	err error
}

func newAhead(body io.ReadCloser) *ahead {
	return &ahead{body: body, reads: make(chan piece, 1), buf: make([]byte, 4096)}
}

// more reads at most limit bytes more into held and says whether it got any. It
// gets none at the body's end, when the timer fires and when ctx is done.
func (a *ahead) more(ctx context.Context, timer <-chan time.Time, limit int) bool {
	if a.err != nil || a.pending || limit <= 0 {
		return false
	}
	go func(buf []byte) {
		n, err := a.body.Read(buf)
		a.reads <- piece{n, err}
	}(a.buf[:min(len(a.buf), limit)])
	select {
	case p := <-a.reads:
		a.take(p)
		return p.n > 0 || p.err == nil
	case <-timer:
	case <-ctx.Done():
	}
	a.pending = true
	return false
}

func (a *ahead) take(p piece) {
	a.held, a.err, a.pending = append(a.held, a.buf[:p.n]...), p.err, false
}

func (a *ahead) Read(p []byte) (int, error) {
	if a.pending {
		if len(a.held) == 0 {
			a.take(<-a.reads)
		}
	}
	if len(a.held) > 0 {
		n := copy(p, a.held)
		if a.held = a.held[n:]; len(a.held) == 0 {
			a.held = nil
		}
		return n, nil
	}
	if a.err != nil {
		return 0, a.err
	}
	return a.body.Read(p)
}

// Buffered is how many bytes Read gives without waiting. A caller that passes a
// stream on need not send its headers ahead of them.
func (a *ahead) Buffered() int { return len(a.held) }

func (a *ahead) Close() error { return a.body.Close() }

// cut ends the body where it was read to and gives the rest up.
func (a *ahead) cut() {
	_ = a.body.Close()
	a.body, a.pending, a.err = io.NopCloser(nil), false, io.EOF
}
