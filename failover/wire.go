package failover

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DialFunc opens a connection, as http.Transport.DialContext does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// NewBase makes a Base whose connections count what is written, so that
// "nothing was written" is a fact. It speaks HTTP/1.1 and HTTP/2, keeps bodies
// as they come (no transparent decompression) and never waits for headers
// longer than the request's context. Both arguments may be nil: the system's
// roots, no proxy. Its fields may still be changed before its first use; wrap
// another DialContext in CountWrites.
func NewBase(config *tls.Config, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           CountWrites(dialer.DialContext),
		TLSClientConfig:       config,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// A connection that died in silence is noticed by pings, not by a
		// request that waits on it for ever.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// CountWrites makes a DialFunc whose connections count what is written.
func CountWrites(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: c}, nil
	}
}

// countedConn counts the bytes of requests that may have reached the network.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	if tlsAlert(p) {
		return c.Conn.Write(p)
	}
	// Counted before, so that a write under way counts, and corrected after.
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

// tlsAlert says that a write is a TLS alert, such as the close_notify that
// crypto/tls sends when it gives a connection up. It carries nothing of a
// request: record type 21, or under TLS 1.3 an application record (23) of at
// most 24 bytes: header 5, alert 2, inner type 1, tag 16 (RFC 8446, sections
// 5.1, 5.2 and 6). No first record of a request fits in two bytes, crypto/tls
// writes each record by one Write, and in clear HTTP no request begins with
// such a byte.
func tlsAlert(p []byte) bool {
	return len(p) > 0 && (p[0] == 21 || (p[0] == 23 && len(p) <= 24))
}

// wire watches which connections an attempt was given and what was written on
// them. net/http may go through several in one attempt.
type wire struct {
	mu     sync.Mutex
	asked  bool // net/http looked for a connection
	conns  []*countedConn
	counts []int64
	opaque bool // on a connection whose writes tell nothing about this request
	reused bool // the last connection had served before
}

func (w *wire) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: w.getConn, GotConn: w.gotConn})
}

func (w *wire) getConn(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
}

func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reused = info.Reused
	c := counted(info.Conn)
	if c == nil {
		w.opaque = true
		return
	}
	w.conns, w.counts = append(w.conns, c), append(w.counts, c.written.Load())
}

// counted finds the counter of a connection that is this request's alone.
func counted(c net.Conn) *countedConn {
	for t, ok := c.(*tls.Conn); ok; t, ok = c.(*tls.Conn) {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return nil // shared: other requests write on it
		}
		c = t.NetConn()
	}
	cc, _ := c.(*countedConn)
	return cc
}

// silent says that it is certain that nothing of the request was written; std,
// that Base is an *http.Transport, which reports every connection.
func (w *wire) silent(std bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opaque || !(w.asked || std) {
		return false
	}
	for i, c := range w.conns {
		if c.written.Load() != w.counts[i] {
			return false
		}
	}
	return true
}

// streamError has the shape of net/http's HTTP/2 stream error (and of
// golang.org/x/net/http2.StreamError), which errors.As fills by its fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "http2 stream error" }

const refusedStream = 7 // RFC 9113, section 7

// refused says that the server processed nothing of the request: it refused the
// stream, or went away before it (RFC 9113, section 8.7).
//
// For a request with a body net/http wraps both in a text of its own, since it
// would have liked to replay and has no GetBody. That text is what is left to
// tell them by; a test holds it against the real thing.
func refused(err error) bool {
	var se streamError
	if errors.As(err, &se) {
		return se.Code == refusedStream
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		rest, ok := strings.CutPrefix(e.Error(), "http2: Transport: cannot retry err [")
		if ok {
			return strings.Contains(rest, "REFUSED_STREAM") || strings.Contains(rest, "graceful shutdown GOAWAY")
		}
	}
	return false
}

// dialFailed says that a connection could not even be opened, for a Base that
// does not trace.
func dialFailed(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect")
}

// unasked says that Base told nothing of connections at all.
func (w *wire) unasked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.asked && !w.opaque && len(w.conns) == 0
}

// usedBefore says that the failure may be one of a connection that had been
// idle, and not of the upstream.
func (w *wire) usedBefore() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reused
}
