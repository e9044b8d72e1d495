package gateway

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/core"
	"keyfob/internal/provider/builtin"
)

// clock is a connection's deadlines as a handler sets them.
type clock struct {
	http.ResponseWriter
	read, write time.Time
	moves       int
}

func (c *clock) SetReadDeadline(t time.Time) error {
	c.read, c.moves = t, c.moves+1
	return nil
}

func (c *clock) SetWriteDeadline(t time.Time) error {
	c.write, c.moves = t, c.moves+1
	return nil
}

// slow gives a byte after each pause.
type slow struct {
	pause time.Duration
	left  int
}

func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(s.pause)
	if s.left--; s.left < 0 {
		return 0, io.EOF
	}
	b[0] = 'x'
	return 1, nil
}

// A client that sends something now and then always has its whole time ahead; the
// deadline is not moved for every piece, and is gone with the body.
func TestSlowBodiesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		const idle, pieces = time.Minute, 600
		r := reader{from: &slow{time.Second, pieces}, control: http.NewResponseController(c), idle: idle}
		r.move()
		b := make([]byte, 8)
		for range pieces {
			if left := time.Until(c.read); left < idle || left > idle+idle/8 {
				t.Fatalf("%v are left to send", left)
			}
			if _, err := r.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		if c.moves > pieces/7+2 {
			t.Errorf("moved %d times for %d pieces", c.moves, pieces)
		}
		if _, err := r.Read(b); err != io.EOF {
			t.Errorf("at the end %v", err)
		}
		r.end()
		before := c.moves
		time.Sleep(time.Hour)
		r.move()
		if c.moves != before {
			t.Error("a connection that is another request's by now had its deadline moved")
		}
	})
}

func TestWritingIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		const idle = 5 * time.Minute
		p := pace{control: http.NewResponseController(c), idle: idle}
		for range 1000 {
			p.write()
			if left := time.Until(c.write); left < idle || left > idle+idle/8 {
				t.Fatalf("%v are left to take it", left)
			}
			p.wait()
			time.Sleep(time.Second)
		}
		if c.moves > 1000/37+2 {
			t.Errorf("moved %d times", c.moves)
		}
		// In HTTP/2 a deadline ends the stream though nothing is being written.
		p = pace{control: http.NewResponseController(c), idle: idle, h2: true}
		p.write()
		if c.write.IsZero() {
			t.Error("nothing bounds a write")
		}
		if p.wait(); !c.write.IsZero() {
			t.Errorf("while the upstream is waited for, the deadline is %v", c.write)
		}
	})
}

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs fn, inside a bubble, with a connection to a server of this handler.
func serve(h http.Handler, fn func(net.Conn)) {
	l := make(pipes, 1)
	here, there := net.Pipe()
	l <- there
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	fn(here)
	_ = here.Close()
	close(l)
	_ = srv.Close()
	<-done
}

func ask(c io.Writer, path string) {
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
}

// What the gateway sets on a connection is gone with its answer: while the upstream
// thinks, and in the next request on it, nothing ends by a deadline of before.
func TestDeadlinesEndWithTheirUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if r.Method == http.MethodPost {
				body := reader{from: r.Body, control: control, idle: time.Minute}
				body.move()
				_, _ = io.ReadAll(&body)
				time.Sleep(time.Hour) // the upstream thinks
				p := pace{control: control, idle: 5 * time.Minute}
				p.write()
				body.end()
			} else {
				_ = control.Flush()
				time.Sleep(time.Hour)
			}
			if err := r.Context().Err(); err != nil {
				t.Errorf("%s: %v", r.Method, err)
			}
			_, _ = io.WriteString(w, "whole")
		})
		serve(h, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			for _, request := range []string{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
				go func() { _, _ = io.WriteString(conn, request) }()
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "whole" {
					t.Errorf("got %q, %v", b, err)
				}
			}
		})
	})
}

// A client that takes nothing of a stream is cut after its time; what it was
// waiting for before does not count.
func TestClientThatTakesNothingIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := make(chan time.Duration, 1)
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			p := pace{control: http.NewResponseController(w), idle: 5 * time.Minute}
			p.write()
			time.Sleep(time.Hour) // the upstream thinks
			begun := time.Now()
			for {
				p.write()
				if _, err := io.WriteString(w, strings.Repeat("x", 8192)); err != nil {
					cut <- time.Since(begun)
					return
				}
				p.wait()
			}
		})
		serve(h, func(conn net.Conn) {
			go ask(conn, "/")
			if d := <-cut; d < 5*time.Minute || d > 6*time.Minute {
				t.Errorf("cut after %v", d)
			}
		})
	})
}

// A client that stops in the middle of its body is cut after its time.
func TestBodyThatStandsStillIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := make(chan time.Duration, 1)
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begun := time.Now()
			body := reader{from: r.Body, control: http.NewResponseController(w), idle: time.Minute}
			body.move()
			_, err := io.ReadAll(&body)
			if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
				t.Errorf("reading ends with %v", err)
			}
			body.end()
			cut <- time.Since(begun)
		})
		serve(h, func(conn net.Conn) {
			go func() { _, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf") }()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			if d := <-cut; d < time.Minute || d > 2*time.Minute {
				t.Errorf("cut after %v", d)
			}
		})
	})
}

// Somebody without a key sent the head of a request and half a body, again and
// again. Each was refused, and its connection was held for ever, since the server
// waits for the rest of the body before it answers.
func TestRefusedClientDoesNotHoldTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Broker: &broker.Broker{Config: broker.Config{Providers: builtin.Registry()}}})
		serve(g, func(conn net.Conn) {
			begun := time.Now()
			go func() {
				_, _ = io.WriteString(conn, "POST /p/anthropic/default/v1/messages HTTP/1.1\r\nHost: y\r\nContent-Length: 100\r\n\r\nhalf")
			}()
			_, _ = io.Copy(io.Discard, conn) // until the server closes it
			if d := time.Since(begun); d > 2*time.Minute {
				t.Errorf("the connection was held for %v", d)
			}
		})
		if n := g.InFlight(); n != 0 {
			t.Errorf("%d requests are under way", n)
		}
	})
}

// One user with many workspaces, each within its share, filled the gateway, and
// all others got a 503. Now a user has a share too.
func TestFlights(t *testing.T) {
	f := flights{most: 6, mostOf: 2, mostBy: 3, of: map[string]int{}, by: map[core.Owner]int{}}
	for range 6 {
		if !f.enter() {
			t.Fatal("refused too soon")
		}
	}
	if f.enter() {
		t.Error("one more than there may be")
	}
	eve, bob := core.Owner{Kind: core.UserOwner, ID: "eve"}, core.Owner{Kind: core.UserOwner, ID: "bob"}
	for i, c := range []struct {
		workspace string
		owner     core.Owner
		want      string
	}{{"a", eve, ""}, {"a", eve, ""}, {"a", eve, "workspace_busy"}, {"b", eve, ""}, {"b", eve, "user_busy"}, {"c", eve, "user_busy"}, {"d", bob, ""}} {
		got := ""
		if e, ok := errors.AsType[*core.Error](f.enterAs(c.workspace, c.owner)); ok {
			got = e.Reason
		}
		if got != c.want {
			t.Errorf("request %d, of %s: %q, want %q", i, c.workspace, got, c.want)
		}
	}
	f.leave("a", eve)
	if !f.enter() || f.enterAs("c", eve) != nil {
		t.Error("what left is not free")
	}
	for w, o := range map[string]core.Owner{"a": eve, "b": eve, "c": eve, "d": bob} {
		f.leave(w, o)
	}
	f.leave("", core.Owner{})
	f.leave("", core.Owner{})
	if f.all != 0 || len(f.of) != 0 || len(f.by) != 0 {
		t.Errorf("left: %d, %v, %v", f.all, f.of, f.by)
	}
}
