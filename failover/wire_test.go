package failover_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyfob/failover"
)

// serve runs a raw server; handle gets each connection.
func serve(t *testing.T, l net.Listener, handle func(net.Conn)) string {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pair is a rig whose account a lives at another address than the rest.
func pair(t *testing.T, first string) *rig {
	r := newRig(t, []string{"a", "b"}, map[string]http.HandlerFunc{"b": answer(200, "b")})
	rest := r.Apply
	r.Apply = func(ctx context.Context, q *http.Request, id string) error {
		if id == "a" {
			return applyTo(func(string) string { return first })(ctx, q, id)
		}
		return rest(ctx, q, id)
	}
	return r
}

func TestRefusedConnection(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	r := pair(t, "http://"+l.Addr().String())
	_, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "body", body, "b")
	expect(t, "verdict", r.attempts[0].Verdict.Reason, "no connection")

	r.members.Load([]failover.Member{{ID: "a", Epoch: 9}}, nil)
	resp, _ := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "alone", resp.StatusCode, 502)
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "upstream_unreachable")
	resp, _ = do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "the next within the rest", resp.StatusCode, 429)
}

func TestHandshakeFails(t *testing.T) {
	srv := httptest.NewTLSServer(answer(200, "a")) // its certificate is unknown to us
	srv.Config.ErrorLog = nil
	defer srv.Close()
	r := pair(t, srv.URL)
	_, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "body", body, "b")
}

// readRequest takes a whole request off the connection.
func readRequest(c net.Conn) {
	q, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		_, _ = io.Copy(io.Discard, q.Body)
	}
}

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func TestResetAfterTheRequestIsAmbiguous(t *testing.T) {
	r := pair(t, "http://"+serve(t, listen(t), func(c net.Conn) { readRequest(c); reset(c) }))
	resp, _ := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "status", resp.StatusCode, 502)
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "upstream_ambiguous")
	expectList(t, "what the second account saw", r.accounts())
}

func TestResetWhereItIsAllowed(t *testing.T) {
	r := pair(t, "http://"+serve(t, listen(t), func(c net.Conn) { readRequest(c); reset(c) }))
	r.AllowAmbiguous = true
	_, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "AllowAmbiguous", body, "b")
}

func TestResetOfASafeMethod(t *testing.T) {
	r := pair(t, "http://"+serve(t, listen(t), func(c net.Conn) { readRequest(c); reset(c) }))
	q := post("")
	q.Method, q.Body, q.GetBody = http.MethodGet, nil, nil
	_, body := do(t, r.Transport, q, failover.Query{})
	expect(t, "GET", body, "b")
}

// staleConn is a connection that the other side closed unnoticed: once broken,
// a write fails with nothing written.
type staleConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c *staleConn) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(p)
}

// stale makes a rig of which the first connection can be broken.
func stale(t *testing.T, srv *httptest.Server, base *http.Transport) (*rig, *atomic.Bool) {
	r := pair(t, srv.URL)
	var broken, second atomic.Bool
	base.DialContext = failover.CountWrites(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil || second.Swap(true) {
			return c, err
		}
		return &staleConn{c, &broken}, nil
	})
	t.Cleanup(base.CloseIdleConnections)
	r.Base = base
	return r, &broken
}

func TestStaleKeepAliveIsReplayed(t *testing.T) {
	var served atomic.Int32
	h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		served.Add(1)
		_, _ = w.Write(b)
	})
	plain := httptest.NewServer(h)
	defer plain.Close()
	secure := httptest.NewTLSServer(h)
	defer secure.Close()
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig
	h1 := failover.NewBase(roots, nil)
	h1.ForceAttemptHTTP2 = false
	for name, c := range map[string]struct {
		srv  *httptest.Server
		base *http.Transport
	}{
		"clear": {plain, failover.NewBase(nil, nil)},
		"tls":   {secure, h1}, // its close_notify is written after the failure, and must not count
	} {
		t.Run(name, func(t *testing.T) {
			served.Store(0)
			r, broken := stale(t, c.srv, c.base)
			_, body := do(t, r.Transport, post("one"), failover.Query{})
			expect(t, "first", body, "one")
			broken.Store(true)
			_, body = do(t, r.Transport, post("two"), failover.Query{})
			expect(t, "second", body, "two")
			expect(t, "requests that account a served", served.Load(), int32(2))
			expectList(t, "account b", r.accounts())
			expect(t, "held against anybody", len(r.changed), 0)
			expect(t, "attempts", len(r.attempts), 3)
		})
	}
}

// closingConn is a connection that the other side closes when told to.
type closingConn struct {
	net.Conn
	closing, closed chan struct{}
}

func (c *closingConn) Read(p []byte) (int, error) {
	type read struct {
		n   int
		err error
	}
	done := make(chan read, 1)
	go func() { n, err := c.Conn.Read(p); done <- read{n, err} }()
	select {
	case r := <-done:
		return r.n, r.err
	case <-c.closing:
		_ = c.SetReadDeadline(time.Unix(1, 0))
		<-done
		return 0, io.EOF
	}
}

func (c *closingConn) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

// TestServerClosesJustBefore: the connection was given to a request, and before
// it wrote a byte net/http saw the other side's end. Under TLS it then sends a
// close_notify, which must not pass for a part of the request.
func TestServerClosesJustBefore(t *testing.T) {
	srv := httptest.NewTLSServer(answer(200, "a"))
	defer srv.Close()
	base := failover.NewBase(srv.Client().Transport.(*http.Transport).TLSClientConfig, nil)
	base.ForceAttemptHTTP2 = false
	t.Cleanup(base.CloseIdleConnections)
	var first *closingConn
	base.DialContext = failover.CountWrites(func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil || first != nil {
			return c, err
		}
		first = &closingConn{c, make(chan struct{}), make(chan struct{})}
		return first, nil
	})
	r := pair(t, srv.URL)
	r.Base = base
	do(t, r.Transport, post("one"), failover.Query{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if i.Reused {
			close(first.closing)
			<-first.closed
		}
	}})
	_, body := do(t, r.Transport, post("two").WithContext(ctx), failover.Query{})
	expect(t, "answer", body, "a")
	expect(t, "attempts", len(r.attempts), 3)
	expect(t, "held against anybody", len(r.changed), 0)
}

// h2Server speaks just enough HTTP/2 to get a request and answer with a frame.
func h2Server(t *testing.T, end func(c net.Conn, stream uint32)) (string, *tls.Config) {
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	cfg := &tls.Config{Certificates: srv.TLS.Certificates, NextProtos: []string{"h2"}}
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	srv.Close()
	addr := serve(t, tls.NewListener(listen(t), cfg), func(c net.Conn) {
		preface := make([]byte, 24)
		_, _ = io.ReadFull(c, preface)
		writeFrame(c, 4, 0, nil) // SETTINGS
		for {
			kind, stream, err := readFrame(c)
			if err != nil {
				return
			}
			if kind == 0 { // DATA: the request is under way
				end(c, stream)
			}
		}
	})
	return "https://" + addr, &tls.Config{RootCAs: roots}
}

func writeFrame(c net.Conn, kind byte, stream uint32, payload []byte) {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, 0}
	b = binary.BigEndian.AppendUint32(b, stream)
	_, _ = c.Write(append(b, payload...))
}

func readFrame(c net.Conn) (kind byte, stream uint32, err error) {
	var h [9]byte
	if _, err := io.ReadFull(c, h[:]); err != nil {
		return 0, 0, err
	}
	_, err = io.CopyN(io.Discard, c, int64(h[0])<<16|int64(h[1])<<8|int64(h[2]))
	return h[3], binary.BigEndian.Uint32(h[5:]), err
}

// TestHTTP2 holds what net/http makes of a refused stream, of a server that
// goes away before the request, and of one that breaks it off.
func TestHTTP2(t *testing.T) {
	rst := func(code byte) func(net.Conn, uint32) {
		return func(c net.Conn, stream uint32) { writeFrame(c, 3, stream, []byte{0, 0, 0, code}) }
	}
	for name, c := range map[string]struct {
		end    func(net.Conn, uint32)
		status int
		seen   []string
	}{
		"refused stream": {rst(7), 200, []string{"b"}},
		"goaway before it": {func(c net.Conn, _ uint32) {
			writeFrame(c, 7, 0, []byte{0, 0, 0, 0, 0, 0, 0, 0})
		}, 200, []string{"b"}},
		"internal error": {rst(2), 502, nil},
		"protocol error": {rst(1), 502, nil},
		"closed":         {func(c net.Conn, _ uint32) { _ = c.Close() }, 502, nil},
	} {
		t.Run(name, func(t *testing.T) {
			url, cfg := h2Server(t, c.end)
			r := pair(t, url)
			base := failover.NewBase(cfg, nil)
			t.Cleanup(base.CloseIdleConnections)
			r.Base = base
			resp, _ := do(t, r.Transport, post("body"), failover.Query{})
			expect(t, "status", resp.StatusCode, c.status)
			expectList(t, "account b", r.accounts(), c.seen...)
		})
	}
}

// blind is a Base that tells nothing of connections.
type blind struct{ http.RoundTripper }

func (b blind) RoundTrip(q *http.Request) (*http.Response, error) {
	return b.RoundTripper.RoundTrip(q.WithContext(context.Background()))
}

func TestUnknownBaseIsAmbiguous(t *testing.T) {
	r := pair(t, "http://"+serve(t, listen(t), func(c net.Conn) { readRequest(c); reset(c) }))
	r.Base = blind{failover.NewBase(nil, nil)}
	resp, _ := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "upstream_ambiguous")

	l := listen(t)
	_ = l.Close()
	r = pair(t, "http://"+l.Addr().String())
	r.Base = blind{failover.NewBase(nil, nil)}
	_, body := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "a refused connection is certain even so", body, "b")
}

func TestGetBodyIsHidden(t *testing.T) {
	r := newRig(t, []string{"a"}, nil)
	r.Base = roundTrip(func(q *http.Request) (*http.Response, error) {
		expect(t, "GetBody hidden", q.GetBody == nil, true)
		return nil, io.ErrUnexpectedEOF
	})
	resp, _ := do(t, r.Transport, post("x"), failover.Query{})
	expect(t, "local", resp.Header.Get("Keyfob-Local"), "upstream_ambiguous")
}

// A client made something by a POST without a body, with an idempotency key, and
// the upstream closed the connection after it had taken the request. net/http
// trusts that key and sent the request again on its own, unseen, to an upstream
// that knew nothing of such keys: the thing was made twice.
func TestBaseDoesNotReplayByItself(t *testing.T) {
	var made atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			if q.Header.Get("Idempotency-Key") != "k" || q.ContentLength != 0 {
				t.Errorf("header %v, length %d", q.Header, q.ContentLength)
			}
			made.Add(1)
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(srv.Close)
	r := pair(t, srv.URL)
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		q := post("")
		q.Method, q.Body, q.GetBody = http.MethodGet, nil, nil
		do(t, r.Transport, q, failover.Query{}) // net/http does it on a connection that was used before
		made.Store(0)
		q = post("")
		q.Body, q.GetBody = body, nil
		q.Header.Set("Idempotency-Key", "k")
		resp, _ := do(t, r.Transport, q, failover.Query{})
		expect(t, "local", resp.Header.Get("Keyfob-Local"), "upstream_ambiguous")
		expect(t, "times made", made.Load(), 1)
		expect(t, "the caller's header", q.Header.Get("Idempotency-Key"), "k")
		r.members.Clear("a")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }
