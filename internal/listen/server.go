package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"keyfob/internal/core"
)

// Server answers on one listener until it is told to end.
type Server struct {
	Listener net.Listener
	TLS      *tls.Config // nil: plain HTTP
	Handler  http.Handler
	Log      *slog.Logger
	// Connections is how many there may be at once; 0: any number. Over HTTP/2 they
	// may have as many requests more under way than there may be connections.
	Connections int
	// Idle is how long a connection stays on which nothing is asked; 0: 2 minutes.
	Idle time.Duration
}

// Open listens on host:port. The error says what to do where the port is taken
// or is not for this user.
func Open(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		return ln, nil
	}
	e := core.Errorf(core.Unavailable, "%s cannot be listened on", address).WithField("listen").Wrap(err)
	switch {
	case isInUse(err):
		return nil, e.WithReason("port_in_use").WithHint("another program has that port, perhaps another keyfob serve; choose one with --listen HOST:PORT, or port 0 for a free one")
	case errors.Is(err, fs.ErrPermission):
		return nil, e.WithHint("ports below 1024 take a privilege; choose another with --listen, such as 127.0.0.1:4780")
	}
	return nil, e.WithHint("--listen takes an address of this machine and a port")
}

// Run serves until ctx ends; what is in flight then may take as long as drain.
// hurry, once closed, ends it at once. It gives nil for an end that was asked
// for.
func (s *Server) Run(ctx context.Context, drain time.Duration, hurry <-chan struct{}) error {
	srv := s.server()
	ended := make(chan error, 1)
	go func() { ended <- s.serve(srv) }()
	select {
	case err := <-ended:
		return core.Errorf(core.Unavailable, "the listener at %s ended", s.Listener.Addr()).WithHint("start keyfob serve again").Wrap(err)
	case <-ctx.Done():
	}
	s.end(srv, drain, hurry)
	<-ended
	return nil
}

func (s *Server) server() *http.Server {
	h := Bounded(s.Handler)
	if s.Connections > 0 {
		h = &crowd{next: h, most: int64(s.Connections)}
	}
	idle := s.Idle
	if idle == 0 {
		idle = 2 * time.Minute
	}
	return &http.Server{
		Handler: h, TLSConfig: s.TLS, ConnContext: withPlace,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: idle, MaxHeaderBytes: 64 << 10,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: streams, WriteByteTimeout: deafTime},
		ErrorLog: log.New(errorLog{s.Log}, "", 0),
	}
}

func (s *Server) serve(srv *http.Server) error {
	ln := s.Listener
	if s.Connections > 0 {
		ln = Limit(ln, s.Connections)
	}
	if s.TLS != nil {
		return srv.ServeTLS(ln, "", "")
	}
	return srv.Serve(ln)
}

// end waits for what is in flight, within limits.
func (s *Server) end(srv *http.Server, drain time.Duration, hurry <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	if srv.Shutdown(ctx) != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "requests were cut off at the end")
		_ = srv.Close() // what it could say was said by Shutdown
	}
	cancel()
	<-done
}

// errorLog takes the lines of net/http, which hold text of clients, by what they
// begin with.
type errorLog struct{ log *slog.Logger }

// Write implements io.Writer.
func (l errorLog) Write(line []byte) (int, error) {
	level, what := slog.LevelWarn, "the HTTP server reports a fault"
	switch {
	case bytes.HasPrefix(line, []byte("http: TLS handshake error")):
		level, what = slog.LevelDebug, "a TLS handshake failed"
	case bytes.HasPrefix(line, []byte("http: Accept error")):
		what = "no connection can be accepted for the moment"
	case bytes.HasPrefix(line, []byte("http2:")), bytes.HasPrefix(line, []byte("http: response.WriteHeader")), bytes.HasPrefix(line, []byte("http: superfluous")):
		level = slog.LevelDebug
	}
	l.log.LogAttrs(context.Background(), level, what)
	return len(line), nil
}
