//go:build linux

package attack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// wantAnswered asks as somebody else would, while the server is attacked.
func (s *server) wantAnswered(t *testing.T) {
	t.Helper()
	s.must(t, "GET", "/v1/me", nil, as(s.admin.token))
	s.must(t, "GET", "/healthz", nil)
}

// good makes sure that frames written by hand are understood: what follows on such
// a connection is refused for what it is.
func (s *server) good(t *testing.T, c *h2) *said {
	t.Helper()
	answers := c.follow()
	c.ask(t, "/v1/me", "authorization", "Bearer "+s.admin.token)
	until(t, "an answer over HTTP/2", func() bool { n, _ := answers.count(200); return n == 1 })
	return answers
}

// during attacks from several connections at once, and looks meanwhile whether
// others are answered. What an attacker writes may come to nothing: the server
// may have cut the connection.
func (s *server) during(t *testing.T, attackers int, attack func(c *h2)) {
	t.Helper()
	var all sync.WaitGroup
	var conns []*h2
	for range attackers {
		c := s.h2(t, 1<<20)
		s.good(t, c)
		conns = append(conns, c)
		all.Go(func() { attack(c) })
	}
	for range 5 {
		s.wantAnswered(t)
	}
	all.Wait()
	s.wantAnswered(t)
	for _, c := range conns {
		_ = c.Close()
	}
}

// Somebody asks and takes it back at once, ten thousand times: what is taken back
// does not count for the limit of streams, though the server has begun to work
// (CVE-2023-44487, rapid reset).
func TestRapidReset(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	s.during(t, 12, func(c *h2) {
		for range 30 {
			var b []byte
			for range 100 {
				head, id := c.request(endStream, "GET", "/v1/me", "authorization", "Bearer "+s.admin.token)
				b = append(append(b, head...), frame(resetFrame, 0, id, number(8))...)
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	s.gone(t, before)
}

// Somebody begins a request's headers and goes on with them forever, in one block
// that is never whole (CVE-2023-45288, CONTINUATION flood).
func TestContinuationFlood(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	for what, piece := range map[string][]byte{
		"large headers":     fields("x-a", strings.Repeat("a", 16_000)),
		"many headers":      fields(strings.Split(strings.Repeat("x-a,a,", 1000)+"x,y", ",")...),
		"one endless value": []byte(strings.Repeat("a", 16_000)),
	} {
		c := s.h2(t, 1<<20)
		answers := s.good(t, c)
		b, id := c.request(0, "GET", "/healthz")
		b[4] = 0 // the headers go on
		if what == "one endless value" {
			b = frame(headFrame, 0, id, []byte{0, 1, 'a', 127, 255, 255, 255, 127})
		}
		sent := 0
		for _, err := c.Write(b); err == nil && sent < 64<<20; sent += len(piece) {
			_, err = c.Write(frame(moreFrame, 0, id, piece))
			if err != nil {
				break
			}
		}
		if sent >= 64<<20 {
			t.Errorf("%s: the server took them all", what)
		}
		<-answers.ended
		s.wantAnswered(t)
	}
	// Frames without anything in them cost no memory; the idle connection is cut as any.
	s.during(t, 2, func(c *h2) {
		b, id := c.request(0, "GET", "/healthz")
		b[4] = 0
		for range 20_000 {
			b = append(b, frame(moreFrame, 0, id, nil)...)
		}
		_, _ = c.Write(b)
	})
	s.gone(t, before)
}

// Somebody packs headers: one entry of the table of four thousand bytes, and then
// one byte each for thousands of the same (HPACK bomb). Unpacked, each of these
// requests would be fifty megabytes.
func TestHeaderBombs(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	c := s.h2(t, 1<<20)
	answers := s.good(t, c)
	entry := append([]byte{0x40}, fields("x-a", strings.Repeat("a", 4000))[1:]...) // 0x40: remember it
	again := []byte(strings.Repeat("\xbe", 12_000))                                // the newest entry
	for range 200 {
		b, _ := c.request(endStream, "GET", "/v1/me", "authorization", "Bearer "+s.admin.token)
		b = frame(headFrame, endHeaders|endStream, c.next-2, append(append(b[9:], entry...), again...))
		if _, err := c.Write(b); err != nil {
			break
		}
	}
	s.wantAnswered(t)
	until(t, "each bomb is refused", func() bool {
		refused, reset := answers.count(431)
		return refused+reset == 200 || isOver(answers.ended)
	})
	if good, _ := answers.count(200); good != 1 {
		t.Errorf("%d bombs were answered", good-1)
	}
	many := s.h2(t, 1<<20)
	answers = s.good(t, many)
	pairs := strings.Split(strings.Repeat("cookie,a=b,", 2000)+"x-a,b", ",")
	many.ask(t, "/v1/me", pairs[:400]...) // few enough
	b, id := many.request(endStream, "GET", "/v1/me")
	_, _ = many.Write(frame(headFrame, endStream, id, b[9:]))
	_, _ = many.Write(frame(moreFrame, endHeaders, id, fields(pairs...)))
	until(t, "thousands of cookies are refused", func() bool { n, _ := answers.count(431); return n == 1 })
	_, _ = c.Close(), many.Close()
	s.gone(t, before)
}

func isOver(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Somebody asks and lets the server send nothing, by a window of no bytes, or of
// one now and then: each answer that waits holds memory, and none of them counts
// as idle. No proof is needed for most of them.
func TestWindowOfNothing(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	proof := []string{"authorization", "Bearer " + s.admin.token}
	var all sync.WaitGroup
	for _, window := range []uint32{0, 1} {
		c := s.h2(t, window)
		answers := c.follow()
		for path, more := range map[string][]string{
			"/healthz": nil, "/readyz": nil, "/metrics": nil, "/openapi.json": nil, "/docs": nil, "/nothing": nil, "/v1/nothing": nil,
			"/v1/me": proof, "/v1/secrets": nil, "/v1/audit": proof, "/v1/events?after=0": proof,
			"/v1/org": {"authorization", "Bearer kfp_x"}, "/healthz?x": {"host", "evil.example"}, "/v1/me?x": {"origin", "https://evil.example"},
		} {
			if window == 0 || !strings.HasPrefix(path, "/v1/events") { // whose readers may be slow
				c.ask(t, path, more...)
			}
		}
		all.Go(func() { s.wantGivenUp(t, c, answers, window) })
	}
	all.Wait()
	s.wantAnswered(t)
	s.gone(t, before)
}

// wantGivenUp waits for the end of each stream, and takes what it is sent meanwhile
// a byte at a time, or not at all.
func (s *server) wantGivenUp(t *testing.T, c *h2, answers *said, window uint32) {
	t.Helper()
	streams := int(c.next / 2)
	within(t, fmt.Sprintf("answers that are taken %d bytes at a time are given up, or whole", window), func() bool {
		open := 0
		for id := uint32(1); id < c.next; id += 2 {
			if answers.over(id) {
				continue
			}
			open++
			if window > 0 {
				_, _ = c.Write(frame(windowFrame, 0, id, number(window)))
			}
		}
		return open == 0
	})
	if _, reset := answers.count(0); window == 0 && reset < streams-2 { // some have no body
		t.Errorf("%d answers of %d were given up that had no window to go to", reset, streams)
	}
	_ = c.Close()
}

// Somebody asks for much and reads nothing of the connection, and says now and then
// that it lives. The limits of its requests end those; the connection, on which
// nothing can be sent any more, would stay.
func TestDeafConnection(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	for range 12 {
		c := s.h2On(t, s.tinyConn(t), 1<<30)
		_, _ = c.Write(frame(windowFrame, 0, 0, number(1<<30)))
		for range 30 {
			c.ask(t, "/openapi.json")
		}
		go func() {
			for tick := time.Tick(time.Second); ; <-tick {
				if _, err := c.Write(frame(pingFrame, 0, 0, make([]byte, 8))); err != nil {
					return
				}
			}
		}()
	}
	if held := s.metric(t, "process_open_fds"); held < before.files+12 {
		t.Fatalf("%v files are open, and were %v", held, before.files)
	}
	s.wantAnswered(t)
	s.gone(t, before)
}

// Somebody sends the body of each request byte by byte.
func TestDataByteByByte(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	c := s.h2(t, 1<<20)
	answers := s.good(t, c)
	for range 20 {
		b, _ := c.request(0, "POST", "/v1/login/token", "content-type", "application/json")
		_, _ = c.Write(b)
	}
	until(t, "requests whose bodies trickle are refused", func() bool {
		for id := uint32(3); id < c.next; id += 2 {
			_, _ = c.Write(frame(dataFrame, 0, id, []byte(" ")))
		}
		refused, _ := answers.count(408)
		return refused == 20
	})
	s.wantAnswered(t)
	_ = c.Close()
	s.gone(t, before)
}

// Somebody opens as many streams as a few connections give, and leaves each
// request in the middle: what was bounded by connections would be a hundred times
// as much. Who comes with a connection of his own is answered all the while.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "max_connections: 40\n")
	before := s.uses(t)
	var all []*said
	var conns []*h2
	for range 10 {
		c := s.h2(t, 1<<20)
		conns, all = append(conns, c), append(all, s.good(t, c))
		for range 150 {
			b, _ := c.request(0, "POST", "/v1/login/token", "content-type", "application/json")
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(status int) (answered, reset int) {
		for _, a := range all {
			n, r := a.count(status)
			answered, reset = answered+n, reset+r
		}
		return answered, reset
	}
	until(t, "most of them are refused", func() bool { busy, reset := count(503); return busy+reset >= 1500-50-1 })
	s.wantAnswered(t)
	if busy, _ := count(503); busy == 0 {
		t.Error("nobody was told why")
	}
	until(t, "the others are given up", func() bool { slow, _ := count(408); return slow > 40 })
	for i, c := range conns { // the connections are good again
		id := c.ask(t, "/healthz")
		until(t, "a good request on each of them", func() bool {
			all[i].mu.Lock()
			defer all[i].mu.Unlock()
			return all[i].status[id] == 200
		})
		_ = c.Close()
	}
	s.gone(t, before)
}

// Somebody opens all the connections that the server takes, and says on them that
// he speaks HTTP/2, or half of what he asks. Nothing of that is a request, whose
// time would be over.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "max_connections: 20\nidle_time: 2s\n")
	var all sync.WaitGroup
	for n := range 40 { // half of them wait until the others are cut
		all.Go(func() {
			c := s.h2(t, 1<<20)
			if n%2 == 0 {
				b, _ := c.request(0, "GET", "/healthz")
				b[4] = 0 // the headers go on
				_, _ = c.Write(b)
			}
			answers := c.follow()
			within(t, "a silent connection is cut", func() bool { return isOver(answers.ended) })
		})
	}
	s.wantAnswered(t)
	all.Wait()
}

// Somebody sends frames that ask for nothing but an answer to each, or for work
// without one, and reads the answers or not.
func TestFloodsOfControl(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "")
	before := s.uses(t)
	for _, piece := range [][]byte{
		frame(pingFrame, 0, 0, make([]byte, 8)),
		frame(settingsFrame, 0, 0, append([]byte{0, 4}, number(1000)...)),
		frame(settingsFrame, 0, 0, nil),
		frame(priorityFrame, 0, 1001, append(number(0), 16)),
		frame(windowFrame, 0, 0, number(1)),
		frame(77, 0, 0, make([]byte, 100)), // no known type
	} {
		s.during(t, 2, func(c *h2) {
			many := []byte(strings.Repeat(string(piece), 1000))
			for range 20 {
				if _, err := c.Write(many); err != nil {
					return
				}
			}
		})
		deaf := s.h2On(t, s.tinyConn(t), 1<<20)
		go func() {
			many := []byte(strings.Repeat(string(piece), 1000))
			for range 20 {
				if _, err := deaf.Write(many); err != nil {
					return
				}
			}
		}()
		s.wantAnswered(t)
		_ = deaf.Close()
	}
	s.gone(t, before)
}
