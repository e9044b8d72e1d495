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

// Resolver is what Resolve asks; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Resolve says why a HOST:PORT that somebody else will dial cannot be: an address
// that its name resolves to here is not allowed, or it does not resolve.
func (r Rules) Resolve(ctx context.Context, by Resolver, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if !r.Public || err == nil && r.listed(host, port) {
		return nil
	}
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return r.CheckAddr(a)
	}
	addrs, err := by.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return Refused().Wrap(err)
	}
	for _, a := range addrs {
		if err := r.CheckAddr(a); err != nil {
			return err
		}
	}
	return nil
}

func (r Rules) checkDialled(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return r.CheckAddr(ap.Addr())
}
