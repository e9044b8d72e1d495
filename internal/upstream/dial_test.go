package upstream_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/upstream"
)

// names is a name server that gives each name's addresses in turn, the last one
// for ever.
type names struct {
	t    *testing.T
	conn net.PacketConn
	mu   sync.Mutex
	to   map[string][]string
}

func newNames(t *testing.T, to map[string][]string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{t: t, conn: conn, to: to}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = n.conn.WriteTo(n.answer(buf[:size]), from)
	}
}

// answer is a reply of RFC 1035 to a query of one question.
func (n *names) answer(q []byte) []byte {
	name, end := "", 12
	for q[end] != 0 {
		label := int(q[end])
		name += string(q[end+1:end+1+label]) + "."
		end += 1 + label
	}
	kind := binary.BigEndian.Uint16(q[end+1:])
	out := append([]byte(nil), q[:end+5]...)
	out[2], out[3] = 0x81, 0x80
	binary.BigEndian.PutUint16(out[8:], 0)
	binary.BigEndian.PutUint16(out[10:], 0)
	a, ok := n.next(name, kind)
	if !ok {
		return out
	}
	binary.BigEndian.PutUint16(out[6:], 1)
	out = append(out, 0xc0, 12)
	out = binary.BigEndian.AppendUint16(out, kind)
	out = append(out, 0, 1, 0, 0, 0, 0)
	b := a.AsSlice()
	out = binary.BigEndian.AppendUint16(out, uint16(len(b)))
	return append(out, b...)
}

func (n *names) next(name string, kind uint16) (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.to[name]
	if len(list) == 0 {
		return netip.Addr{}, false
	}
	a := netip.MustParseAddr(list[0])
	if want := map[bool]uint16{true: 1, false: 28}[a.Is4()]; want != kind {
		return netip.Addr{}, false
	}
	if len(list) > 1 {
		n.to[name] = list[1:]
	}
	return a, true
}

// listener counts the connections that reach it.
func listener(t *testing.T) (port string, reached func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	count := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			count++
			mu.Unlock()
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}
}

func refusedAddress(err error) bool {
	e, ok := errors.AsType[*core.Error](err)
	return ok && e.Reason == "upstream_refused"
}

// A user owned a name. It resolved to a public address when it was looked at, and
// to the server itself when it was dialled, so that the server's own ports got
// the request.
func TestRebinding(t *testing.T) {
	port, reached := listener(t)
	n := newNames(t, map[string][]string{"rebind.example.": {"93.184.216.34", "127.0.0.1"}})
	r := parse(t)
	addr := net.JoinHostPort("rebind.example", port)
	if err := r.Resolve(t.Context(), n.resolver(), addr); err != nil {
		t.Fatalf("the first look: %v", err)
	}
	_, err := r.Dial(&net.Dialer{Resolver: n.resolver(), Timeout: 30 * time.Second})(t.Context(), "tcp", addr)
	if !refusedAddress(err) {
		t.Errorf("dialled: %v", err)
	}
	if c := reached(); c != 0 {
		t.Errorf("%d connections reached the server itself", c)
	}
}

func TestDialChecksWhatNamesResolveTo(t *testing.T) {
	port, reached := listener(t)
	n := newNames(t, map[string][]string{
		"inside.example.": {"127.0.0.1"}, "metadata.example.": {"169.254.169.254"}, "v6.example.": {"fd00:ec2::254"},
		"mapped.example.": {"::ffff:127.0.0.1"}, "nat64.example.": {"64:ff9b::7f00:1"},
	})
	d := &net.Dialer{Resolver: n.resolver(), Timeout: 30 * time.Second}
	for name := range n.to {
		addr := net.JoinHostPort(name, port)
		if _, err := parse(t).Dial(d)(t.Context(), "tcp", addr); !refusedAddress(err) {
			t.Errorf("%s is dialled: %v", name, err)
		}
		if err := parse(t).Resolve(t.Context(), n.resolver(), addr); !refusedAddress(err) {
			t.Errorf("%s is left to a proxy: %v", name, err)
		}
	}
	for _, literal := range []string{"127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1"} {
		if _, err := parse(t).Dial(d)(t.Context(), "tcp", net.JoinHostPort(literal, port)); !refusedAddress(err) {
			t.Errorf("%s is dialled: %v", literal, err)
		}
	}
	if c := reached(); c != 0 {
		t.Fatalf("%d connections reached the server itself", c)
	}
	if err := parse(t).Resolve(t.Context(), n.resolver(), "nowhere.example:443"); !refusedAddress(err) {
		t.Errorf("a name that does not resolve is left to a proxy: %v", err)
	}
}

func TestDialOfWhatIsAllowed(t *testing.T) {
	port, _ := listener(t)
	n := newNames(t, map[string][]string{"inside.example.": {"127.0.0.1"}})
	d := &net.Dialer{Resolver: n.resolver(), Timeout: 30 * time.Second}
	for what, dial := range map[string]upstream.DialFunc{
		"by its net":       parse(t, "127.0.0.0/8").Dial(d),
		"by its name":      parse(t, "inside.example").Dial(d),
		"by name and port": parse(t, "inside.example:"+port).Dial(d),
		"as a proxy":       parse(t).Dial(d, "inside.example:"+port),
		"on one machine":   upstream.Rules{}.Dial(d),
	} {
		c, err := dial(t.Context(), "tcp", "inside.example:"+port)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		_ = c.Close()
	}
	if _, err := parse(t, "inside.example:1").Dial(d)(t.Context(), "tcp", "inside.example:"+port); !refusedAddress(err) {
		t.Errorf("another port: %v", err)
	}
}
