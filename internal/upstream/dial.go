package upstream

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// DialFunc opens a connection, as http.Transport.DialContext does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial is d's DialContext held to the rules: each address that is dialled is
// checked after its name was resolved, so that a name that resolves to something
// else the next time gains nothing. except are further HOST:PORT that may be
// dialled, such as that of a proxy. d's own Control must not be set.
func (r Rules) Dial(d *net.Dialer, except ...string) DialFunc {
	if !r.Public {
		return d.DialContext
	}
	held := *d
	held.Control = func(_, address string, _ syscall.RawConn) error { return r.checkDialled(address) }
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err == nil && (slices.Contains(except, addr) || r.listed(host, port)) {
			return d.DialContext(ctx, network, addr)
		}
		return held.DialContext(ctx, network, addr)
	}
}

func (r Rules) checkDialled(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return r.CheckAddr(ap.Addr())
}
