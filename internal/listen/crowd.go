package listen

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// streams is how many requests one connection may have under way at once
	// (HTTP/2): the least that the protocol advises (RFC 9113, section 6.5.2), since
	// each takes memory while its client does nothing.
	streams = 100
	// deafTime is how long a connection (HTTP/2) may take nothing that is written
	// to it. The limits of its requests end those, and not the connection; and a
	// client that is alive reads on whatever its requests wait for.
	deafTime = time.Minute
)

// placeKey finds a connection's own place in the context of its requests.
type placeKey struct{}

func withPlace(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, placeKey{}, new(atomic.Bool))
}

// crowd bounds the requests that are under way at once. Over HTTP/1 there are
// never more than connections. Over HTTP/2 each connection has one place of its
// own, so that nobody who has a connection waits for others; beyond that all
// share as many as there may be connections.
type crowd struct {
	next  http.Handler
	most  int64
	extra atomic.Int64
}

// ServeHTTP implements http.Handler.
func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if own, ok := r.Context().Value(placeKey{}).(*atomic.Bool); ok && own.CompareAndSwap(false, true) {
		defer own.Store(false)
		c.next.ServeHTTP(w, r)
		return
	}
	defer c.extra.Add(-1)
	switch n := c.extra.Add(1); {
	case n <= c.most:
		c.next.ServeHTTP(w, r)
	case n <= 2*c.most:
		// Without a body, which would wait for the client's window.
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		panic(http.ErrAbortHandler) // to say it, too, waits for a client that takes nothing
	}
}
