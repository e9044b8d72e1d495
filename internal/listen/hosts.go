// Package listen is the outermost part of a server: ports, TLS, which names it
// answers to, and how it ends. It knows nothing of what is served.
package listen

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Hosts are the values of the Host header that a server answers. Beside them it
// answers to the address that a connection came to, and on loopback to
// "localhost", both with the port that was listened on. No such name can be made
// to point here by somebody else's DNS, so a web page that rebinds its own name
// to this server is turned away (DNS rebinding).
type Hosts struct {
	// Public is the host of the public URL, with its port unless it is the
	// scheme's own; empty: there is none.
	Public string
	// Pages is the one host on which a browser's cookie counts and pages are
	// shown, in the same form; it may be Public.
	Pages string
}

// Apart says whether the pages have a host that is theirs alone.
func (h Hosts) Apart() bool { return h.Pages != h.Public }

// HostOf is the host of an http or https URL as Hosts wants it.
func HostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return trimPort(strings.ToLower(u.Host), u.Scheme == "https")
}

func trimPort(host string, tls bool) string {
	if tls {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// Place says what a request is for.
type Place int

// The places.
const (
	Foreign  Place = iota // another name: it is refused
	Programs              // an address for programs: no pages, no cookies
	Pages                 // the host of pages; the API is there, too
)

// Place looks at a request's Host. Behind a proxy that is proven or not, the
// Host counts as it came.
func (h Hosts) Place(r *http.Request) Place {
	host := strings.ToLower(r.Host)
	is := func(known string) bool {
		return known != "" && (host == known || trimPort(host, true) == known || trimPort(host, false) == known)
	}
	switch {
	case is(h.Pages):
		return Pages
	case is(h.Public) || direct(host, r):
		return Programs
	}
	return Foreign
}

// direct says whether a host is the very address that the connection came to.
func direct(host string, r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	at := local.AddrPort().Addr().Unmap().WithZone("")
	name, port, err := net.SplitHostPort(host)
	if err != nil { // without a port it is the scheme's own
		name, port = host, "80"
		if r.TLS != nil {
			port = "443"
		}
		if inner, six := strings.CutPrefix(name, "["); six {
			name = strings.TrimSuffix(inner, "]")
		} else if strings.Contains(name, ":") {
			return false
		}
	}
	if port != strconv.Itoa(local.Port) {
		return false
	}
	named, err := netip.ParseAddr(name)
	return name == "localhost" && at.IsLoopback() || err == nil && named.Unmap() == at
}
