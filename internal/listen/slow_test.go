package listen_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/listen"
)

// pipes is a listener without a network, so that time can be the test's own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// A client that sends its request a byte at a time, or none, would keep a place
// that others wait for.
func TestSlowClientsAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		send  string
		every time.Duration
		want  time.Duration // until it is cut
	}{
		"says nothing":        {"", 0, 10 * time.Second},
		"a byte a second":     {"GET / HTTP/1.1\r\nHost: x\r\nX: " + string(make([]byte, 100)), time.Second, 10 * time.Second},
		"stays after its own": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			ln := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			s := &listen.Server{Listener: ln, Log: discard(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			go func() { done <- s.Run(ctx, time.Second, nil) }()
			here, there := net.Pipe()
			ln.conns <- there
			var writer sync.WaitGroup
			writer.Go(func() {
				for i := range c.send {
					time.Sleep(c.every)
					if _, err := io.WriteString(here, c.send[i:i+1]); err != nil {
						return
					}
				}
			})
			began := time.Now()
			_, _ = io.Copy(io.Discard, here)
			if took := time.Since(began); took.Round(time.Second) != c.want {
				t.Errorf("%s: cut after %v, want %v", name, took, c.want)
			}
			here.Close()
			writer.Wait()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
