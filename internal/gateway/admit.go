package gateway

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/core"
)

// admit refuses what a web page could make a browser send here: a request for a
// foreign Host, by which DNS rebinding is known, and any that a page asks for,
// or that its user follows a link to.
func (g *Gateway) admit(r *http.Request) error {
	if !g.known(r) {
		return core.Errorf(core.Forbidden, "this gateway does not answer for that host").WithReason("foreign_host").
			WithHint("call it by the address in KEYFOB_URL")
	}
	if ofPage(r.Header) {
		return core.Errorf(core.Forbidden, "this gateway does not answer web pages").WithReason("origin").
			WithHint("it answers programs, which send no Origin and nothing of a browser's Sec-Fetch headers")
	}
	return nil
}

func (g *Gateway) known(r *http.Request) bool {
	if slices.Contains(g.Hosts, r.Host) {
		return true
	}
	if g.NotLoopback {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && isLoopback(r.Host, local.Port)
}

// isLoopback says whether a Host header is a name of this machine's loopback
// with this very port; without one, the port is 80.
func isLoopback(host string, port int) bool {
	for _, name := range [...]string{"127.0.0.1", "localhost", "[::1]"} {
		rest, ok := strings.CutPrefix(host, name)
		if !ok {
			continue
		}
		var b [8]byte
		return rest == "" && port == 80 || rest != "" && rest[0] == ':' && rest[1:] == string(strconv.AppendInt(b[:0], int64(port), 10))
	}
	return false
}

// client is who asks, as far as can be told without a key.
func (x *exchange) client() string {
	if x.g.Client != nil {
		return x.g.Client(x.r)
	}
	host, _, err := net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func noUpgrade() error {
	return core.Errorf(core.Invalid, "this gateway speaks HTTP only, no WebSocket").WithReason("upgrade").
		WithHint("send the request over HTTP")
}

// noMethod refuses what APIs do not use. Servers answer TRACE, and what they
// take for it, with the very request that they got, the account's credential
// with it (RFC 9110, section 9.3.8); CONNECT asks for a connection past the
// gateway.
func noMethod() error {
	return core.Errorf(core.Invalid, "this gateway does not send that method on").WithReason("method").
		WithHint("it knows GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")
}
