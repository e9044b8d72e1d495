//go:build linux

package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyfob/api"
)

// wantClosed waits until the server closes a connection, and gives what it said.
func wantClosed(t *testing.T, what string, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // what package net returns
		t.Errorf("the server keeps a client that sends no more than %s, after %.200q", what, b)
	}
	return string(b)
}

// Somebody without any proof opens connections and sends next to nothing on each,
// until the server has none left for others. Whatever a client does not send is
// waited for within a limit: the head, the body that is read, and the body that
// nobody wants to read.
func TestClientsThatSendNothing(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	w := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	body := "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
	host := "Host: " + s.addr + "\r\n"
	proof := "Authorization: Bearer " + s.admin.token + "\r\n"
	var all sync.WaitGroup // at once, since each takes what its limit is
	for name, c := range map[string]struct{ text, want string }{
		"half a head":                      {"GET /v1/me HTTP/1.1\r\n" + host + "X-A", ""},
		"nothing":                          {"", ""},
		"a body that is read":              {"POST /v1/secrets HTTP/1.1\r\n" + host + proof + body, " 408 "},
		"a body without a proof":           {"POST /v1/secrets HTTP/1.1\r\n" + host + body, " 401 "},
		"a body with a bad proof":          {"POST /v1/secrets HTTP/1.1\r\n" + host + "Authorization: Bearer kfp_x\r\n" + body, " 401 "},
		"a body that needs no proof":       {"POST /v1/login/token HTTP/1.1\r\n" + host + body, " 408 "},
		"a body of a route that takes one": {"POST /v1/workspace/renew HTTP/1.1\r\n" + host + "Authorization: Bearer " + key(w.SessionKey) + "\r\n" + body, ""},
		"a body of a route that has none":  {"GET /v1/me HTTP/1.1\r\n" + host + proof + body, " 200 "},
		"a body for no route":              {"POST /v1/nothing HTTP/1.1\r\n" + host + body, " 404 "},
		"a body for a foreign host":        {"POST /v1/me HTTP/1.1\r\nHost: evil.example\r\n" + body, " 403 "},
		"a body for the health":            {"POST /healthz HTTP/1.1\r\n" + host + body, ""},
		"a body for a page":                {"POST /device HTTP/1.1\r\nHost: " + s.hostOfPages() + "\r\n" + body, ""},
		"a body for the plain pages":       {"GET /docs HTTP/1.1\r\n" + host + body, ""},
		"a body for the gateway":           {"POST /p/anthropic/default/v1/messages HTTP/1.1\r\n" + host + body, " 401 "},
		"a body that the gateway reads":    {"POST /p/anthropic/default/v1/messages HTTP/1.1\r\n" + host + "X-Api-Key: " + key(w.GatewayKey) + "\r\n" + body, ""},
		"half a chunk":                     {"POST /v1/login/token HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", " 408 "},
		"half a chunk without a proof":     {"POST /v1/secrets HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\n{", " 401 "},
		"a form":                           {"POST /device HTTP/1.1\r\nHost: " + s.hostOfPages() + "\r\nOrigin: " + s.pages + "\r\nCookie: " + s.admin.cookie + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ncode=", ""},
	} {
		conn := s.open(t)
		if _, err := io.WriteString(conn, c.text); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			first, _, _ := strings.Cut(wantClosed(t, name, conn), "\r\n")
			if !strings.Contains(first, c.want) {
				t.Errorf("%s is answered with %q, want%s", name, first, c.want)
			}
		})
	}
	all.Wait()
}

// A client sends one byte now and then, which a limit on silence alone would let
// go on forever.
func TestClientsThatSendByteByByte(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	var all sync.WaitGroup
	for name, head := range map[string]string{
		"a head":                 "GET /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\nX-A: ",
		"a body":                 "POST /v1/login/token HTTP/1.1\r\nHost: " + s.addr + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		"a body without a proof": "POST /v1/secrets HTTP/1.1\r\nHost: " + s.addr + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
	} {
		conn := s.open(t)
		all.Go(func() {
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				_, _ = io.Copy(io.Discard, conn)
			}()
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			if _, err := io.WriteString(conn, head); err != nil {
				t.Error(err)
			}
			for end := time.After(patience); ; {
				select {
				case <-closed:
					return
				case <-end:
					t.Errorf("the server takes %s byte by byte without an end", name)
					return
				case <-tick.C:
					_, _ = io.WriteString(conn, "a") // it may be closed by now
				}
			}
		})
	}
	all.Wait()
}

// Every connection that the server takes is held by somebody who sends nothing.
// Whoever comes then is answered as soon as the first of them is cut.
func TestAllConnectionsHeld(t *testing.T) {
	t.Parallel()
	s := start(t, setup{config: "max_connections: 40\n"})
	for range 60 {
		if _, err := io.WriteString(s.open(t), "GET /v1/me HTTP/1.1\r\nX-A: "); err != nil {
			t.Fatal(err)
		}
	}
	s.must(t, "GET", "/v1/me", nil, as(s.admin.token))
}

// A client opens a stream and never reads: what it does not take would pile up,
// and its stream would count forever. With one stream for each user, the next one
// is let in when the first is cut.
func TestReaderThatNeverReads(t *testing.T) {
	t.Parallel()
	s := start(t, setup{config: "max_streams: 1\n"})
	conn := s.tinyConn(t)
	if _, err := io.WriteString(conn, "GET /v1/events HTTP/1.1\r\nHost: "+s.addr+"\r\nAuthorization: Bearer "+s.admin.token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	status, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	if err != nil || !strings.Contains(status, " 200 ") {
		t.Fatalf("the stream: %q %v", status, err)
	}
	s.ask(t, "GET", "/v1/events", nil, as(s.admin.token)).want(t, "a second stream", 429, "too_many_streams")
	value := val("some value of the organisation")
	var spec api.OrgSpec
	for n := range 1000 {
		spec.Secrets = append(spec.Secrets, api.OrgSecret{Name: fmt.Sprint("S", n), Value: &value, Lookup: true})
	}
	for range 3 { // each is a thousand events
		s.must(t, "POST", "/v1/org/apply", api.OrgApply{Spec: spec}, as(s.admin.token))
		s.must(t, "POST", "/v1/org/apply", api.OrgApply{Prune: true}, as(s.admin.token))
	}
	s.awaitStream(t)
}

// awaitStream waits until there is room for a stream.
func (s *server) awaitStream(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		resp, _, err := s.send(t, ctx, "GET", "/v1/events", nil, as(s.admin.token))
		if err != nil {
			t.Fatalf("the stream of a client that never reads is not cut: %v", err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("the stream of a client that never reads is not cut")
		case <-tick.C:
		}
	}
}

// tinyConn is a connection on which next to nothing is under way: small segments
// keep the server's buffer small, and a small window this side's.
func (s *server) tinyConn(t *testing.T) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048)
		})
	}}
	c, err := d.DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// endlessAt is a provider whose answer has no end; the channel hears of each that
// was given up.
func endlessAt(t *testing.T, address string) (base string, gone chan struct{}) {
	t.Helper()
	gone = make(chan struct{}, 8)
	return serveAt(t, address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		piece := strings.Repeat("x", 32<<10)
		for {
			if _, err := fmt.Fprintf(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":%q}}\n\n", piece); err != nil || r.Context().Err() != nil {
				gone <- struct{}{}
				return
			}
		}
	})), gone
}

// wantGone waits until the provider is not read any more, so many times.
func wantGone(t *testing.T, gone chan struct{}, n int) {
	t.Helper()
	for range n {
		select {
		case <-gone:
		case <-time.After(patience):
			t.Fatal("the provider is read on for a client that takes nothing")
		}
	}
}

// A client that takes nothing of its answer is cut when its time is over, though it
// stays: a connection of HTTP/1, and a stream of HTTP/2 without a window.
func TestGatewayEndsWhatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := overTLS(t, "upstream_allow: ['127.88.6.1']\ngateway_write_idle: 1s\n")
	base, gone := endlessAt(t, "127.88.6.1")
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, base)
	gatewayKey := key(s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true}).GatewayKey)
	old := tls.Client(s.tinyConn(t), &tls.Config{InsecureSkipVerify: true})
	text := "POST /p/anthropic/default/v1/messages HTTP/1.1\r\nHost: keyfob.example\r\nX-Api-Key: " + gatewayKey + "\r\nContent-Type: application/json\r\n"
	if _, err := fmt.Fprintf(old, "%sContent-Length: %d\r\n\r\n%s", text, len(hello), hello); err != nil {
		t.Fatal(err)
	}
	c := s.h2(t, 100)
	answers := c.follow()
	head, id := c.request(0, "POST", "/p/anthropic/default/v1/messages", "x-api-key", gatewayKey, "content-type", "application/json")
	if _, err := c.Write(append(head, frame(dataFrame, endStream, id, []byte(hello))...)); err != nil {
		t.Fatal(err)
	}
	wantGone(t, gone, 2)
	until(t, "the stream is given up", func() bool { return answers.over(id) })
	if n, reset := answers.count(200); n != 1 || reset != 1 {
		t.Errorf("%d streams were answered and %d given up", n, reset)
	}
}

// A body beyond what is kept goes to one account, and the answer says so.
func TestBodiesBeyondWhatIsKept(t *testing.T) {
	t.Parallel()
	up := allowing("127.88.7.1")
	up.config += "max_replay_bytes: 1048576\nspool_dir: '{dir}/tmp'\n"
	s := start(t, up)
	_, good := upstreamAt(t, "127.88.7.1")
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, good)
	gatewayKey := key(s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true}).GatewayKey)
	for size, want := range map[int]string{1 << 20: "", 1<<20 + 1: "body"} {
		body := strings.Replace(hello, "{", "{"+strings.Repeat(" ", size-len(hello)), 1)
		got := s.ask(t, "POST", "/p/anthropic/default/v1/messages", body, with("X-Api-Key", gatewayKey))
		got.want(t, fmt.Sprint(size, " bytes"), 200, "")
		if said := got.header.Get("Keyfob-Single-Shot"); said != want {
			t.Errorf("%d bytes: Keyfob-Single-Shot is %q, want %q", size, said, want)
		}
	}
}

// A provider answers without an end, and the workspace does not read. Until its
// time is over, the server must go on to answer others, and it must let go when the
// client does.
func TestGatewayReaderThatNeverReads(t *testing.T) {
	t.Parallel()
	s := start(t, setup{config: "upstream_allow: ['127.88.5.1']\nmax_requests_per_workspace: 2\n"})
	base, gone := endlessAt(t, "127.88.5.1")
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, base)
	w := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	text := "POST /p/anthropic/default/v1/messages HTTP/1.1\r\nHost: " + s.addr + "\r\nX-Api-Key: " + key(w.GatewayKey) + "\r\nContent-Type: application/json\r\n"
	text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hello), hello)
	var held []net.Conn
	for range 2 {
		c := s.tinyConn(t)
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") {
			t.Fatalf("the answer: %q %v", line, err)
		}
		held = append(held, c)
	}
	s.throughGateway(t, key(w.GatewayKey)).want(t, "a third request of this workspace", 429, "")
	other := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	got := s.ask(t, "HEAD", "/p/anthropic/default", nil, with("X-Api-Key", key(other.GatewayKey)))
	got.want(t, "another workspace", 200, "")
	for _, c := range held {
		_ = c.Close()
	}
	wantGone(t, gone, len(held))
}

// Somebody asks on and on over one connection and reads no answer: when the system
// takes no more of them, the server waits to write the next. Nobody's proof is
// needed for that, and no request of those is under way for long.
func TestPipelinesThatNobodyReads(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	host := "Host: " + s.addr + "\r\n"
	var all sync.WaitGroup
	for _, ask := range []string{
		"GET /healthz HTTP/1.1\r\n" + host, "GET /readyz HTTP/1.1\r\n" + host, "GET /metrics HTTP/1.1\r\n" + host, "GET /docs HTTP/1.1\r\n" + host,
		"GET /v1/nothing HTTP/1.1\r\n" + host, "GET /v1/secrets HTTP/1.1\r\n" + host, "OPTIONS /v1/me HTTP/1.1\r\n" + host, "GET /openapi.json HTTP/1.1\r\n" + host,
		"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n", "GET /v1/me HTTP/1.1\r\nOrigin: https://evil.example\r\n" + host,
	} {
		conn := s.tinyConn(t)
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		many := strings.Repeat(ask+"\r\n", 100)
		all.Go(func() {
			for {
				_, err := io.WriteString(conn, many)
				if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // what package net returns
					t.Errorf("the server waits for somebody who asks %.60q and reads nothing", ask)
				}
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	s.must(t, "GET", "/v1/me", nil, as(s.admin.token))
}
