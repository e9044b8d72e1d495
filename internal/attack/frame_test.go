//go:build linux

package attack

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Types and flags of frames (RFC 9113, section 6).
const (
	dataFrame, headFrame, priorityFrame, resetFrame, settingsFrame = 0, 1, 2, 3, 4
	pingFrame, windowFrame, moreFrame                              = 6, 8, 9

	endStream, endHeaders = 1, 4
)

// frame is one frame on the wire.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = append(b, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// fields is a block of headers, each in full (RFC 7541, section 6.2.2).
func fields(pairs ...string) []byte {
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		b = append(b, 0)
		b = append(text(b, pairs[i]), pairs[i]...)
		b = append(text(b, pairs[i+1]), pairs[i+1]...)
	}
	return b
}

// text is the length of a text that follows.
func text(b []byte, s string) []byte {
	if len(s) < 127 {
		return append(b, byte(len(s)))
	}
	b = append(b, 127)
	n := len(s) - 127
	for ; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

// h2 is a connection of HTTP/2 whose frames a test writes itself, as no client
// would.
type h2 struct {
	net.Conn
	host string
	next uint32
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// overTLS starts a server that speaks TLS, and so HTTP/2.
func overTLS(t *testing.T, config string) *server {
	t.Helper()
	cert, private := certificate(t)
	return start(t, setup{
		config: "tls_cert: '{dir}/cert.pem'\ntls_key: '{dir}/key.pem'\n" + config, public: "https://keyfob.example",
		files: map[string]string{"cert.pem": cert, "key.pem": private},
	})
}

// h2 opens a connection that gives the server windows of this size.
func (s *server) h2(t testing.TB, window uint32) *h2 {
	t.Helper()
	c, err := s.dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return s.h2On(t, c, window)
}

func (s *server) h2On(t testing.TB, c net.Conn, window uint32) *h2 {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	out := &h2{Conn: tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}), host: "keyfob.example", next: 1}
	// 4: the window that each stream begins with; 1: no table of headers, so that
	// answers are easy to read.
	settings := append(append([]byte{0, 4}, number(window)...), append([]byte{0, 1}, number(0)...)...)
	if _, err := out.Write(append([]byte(preface), frame(settingsFrame, 0, 0, settings)...)); err != nil {
		t.Fatal(err)
	}
	return out
}

// request gives the frame that begins a request, and its stream.
func (c *h2) request(flags byte, method, path string, more ...string) ([]byte, uint32) {
	id := c.next
	c.next += 2
	pairs := append([]string{":method", method, ":scheme", "https", ":path", path, ":authority", c.host}, more...)
	return frame(headFrame, endHeaders|flags, id, fields(pairs...)), id
}

// ask sends a request without a body.
func (c *h2) ask(t testing.TB, path string, more ...string) uint32 {
	t.Helper()
	b, id := c.request(endStream, "GET", path, more...)
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	return id
}

// got is a frame of the server's.
type got struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (c *h2) read() (g got, err error) {
	var h [9]byte
	if _, err = io.ReadFull(c, h[:]); err != nil {
		return g, err
	}
	g = got{kind: h[3], flags: h[4], stream: binary.BigEndian.Uint32(h[5:])}
	g.payload = make([]byte, binary.BigEndian.Uint32(h[:])>>8)
	_, err = io.ReadFull(c, g.payload)
	return g, err
}

// status is that of an answer's headers; 0 where it is none that tests look for.
func (g got) status() int {
	b := g.payload
	for len(b) > 0 && b[0]&0xe0 == 0x20 { // the size of the table
		b = b[1:]
	}
	switch {
	case len(b) == 0:
		return 0
	case b[0]&0x80 != 0:
		return map[byte]int{8: 200, 9: 204, 12: 400, 13: 404, 14: 500}[b[0]&0x7f]
	case len(b) < 5 || b[1] != 3:
		return 0 // packed
	}
	n, _ := strconv.Atoi(string(b[2:5])) // 0 will do
	return n
}

// said is what became of a connection's streams.
type said struct {
	mu     sync.Mutex
	status map[uint32]int // of each stream that was answered
	reset  map[uint32]bool
	whole  map[uint32]bool // its answer is there to the end
	ended  chan struct{}   // the connection is closed
}

// follow reads until the connection ends.
func (c *h2) follow() *said {
	out := &said{status: map[uint32]int{}, reset: map[uint32]bool{}, whole: map[uint32]bool{}, ended: make(chan struct{})}
	go func() {
		defer close(out.ended)
		for {
			g, err := c.read()
			if err != nil {
				return
			}
			out.take(g)
		}
	}()
	return out
}

func (a *said) take(g got) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.flags&endStream != 0 && (g.kind == headFrame || g.kind == dataFrame) {
		a.whole[g.stream] = true
	}
	switch g.kind {
	case headFrame:
		if _, again := a.status[g.stream]; !again {
			a.status[g.stream] = g.status()
		}
	case resetFrame:
		a.reset[g.stream] = true
	}
}

// over says whether a stream is: its answer is whole, or was given up.
func (a *said) over(stream uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.whole[stream] || a.reset[stream]
}

// count is how many streams were answered with a status, and how many were reset.
func (a *said) count(status int) (answered, reset int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.status {
		if s == status {
			answered++
		}
	}
	return answered, len(a.reset)
}

// until waits for something that the server does by a limit of its own.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !within(t, what, is) {
		t.FailNow()
	}
}

// within is until for goroutines of a test.
func within(t testing.TB, what string, is func() bool) bool {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !is(); {
		select {
		case <-end:
			t.Errorf("this is still to come: %s", what)
			return false
		case <-tick.C:
		}
	}
	return true
}

// metric is a number that the server's metrics have.
func (s *server) metric(t testing.TB, name string) float64 {
	t.Helper()
	got := s.must(t, "GET", "/metrics", nil)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(got.body)
	if m == nil {
		t.Fatalf("no metric %s", name)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// use is what clients cost a server.
type use struct {
	goroutines, files float64
	memory            int
}

// uses is what the server costs once it has what it keeps for good, such as its
// connections to the database.
func (s *server) uses(t *testing.T) use {
	t.Helper()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 10 {
				if _, err := s.try(t, "GET", "/v1/me", nil, as(s.admin.token)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	return use{s.metric(t, "go_goroutines"), s.metric(t, "process_open_fds"), s.memory(t)}
}

// gone waits until nothing is left of clients that went away; meanwhile the
// server has not taken more memory than a fraction of what they sent would be.
// A few files more are SQLite's, which keeps those of a question that was given up.
func (s *server) gone(t *testing.T, before use) {
	t.Helper()
	if grown := s.memory(t) - before.memory; grown > roomy {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
	until(t, "goroutines and connections of clients that are gone have ended", func() bool {
		return s.metric(t, "go_goroutines") < before.goroutines+10 && s.metric(t, "process_open_fds") < before.files+10
	})
}
