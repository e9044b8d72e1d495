package upstream

import (
	"net/netip"
	"slices"
	"sync"

	"keyfob/internal/core"
)

// CheckAddr says why an address cannot be dialled: forbidden, with the reason
// "upstream_refused".
func (r Rules) CheckAddr(a netip.Addr) error {
	a = a.Unmap()
	if !r.Public || a.Zone() == "" && r.excepted(a) || public(a) {
		return nil
	}
	return Refused()
}

// Refused is the error of an upstream that must not be dialled: forbidden, with
// the reason "upstream_refused".
func Refused() *core.Error {
	return core.Errorf(core.Forbidden, "the upstream's name leads to an address that is not public").WithReason("upstream_refused").
		WithHint("set the account's base URL to the service's public address; whoever runs the server can allow others (upstream_allow)")
}

func (r Rules) excepted(a netip.Addr) bool {
	return slices.ContainsFunc(r.Nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public says whether an address is one that anybody in the Internet can reach:
// of IPv4, what the registry of special-purpose addresses (RFC 6890) does not
// list; of IPv6, global unicast (2000::/3) without what that registry lists, and
// IPv4 behind the well-known prefix of NAT64 (RFC 6052).
func public(a netip.Addr) bool {
	switch a = a.Unmap(); {
	case !a.IsValid() || a.Zone() != "":
		return false
	case a.Is4():
		return !within(special4(), a)
	case nat64().Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return global6().Contains(a) && !within(special6(), a) && !isatap(a)
}

func within(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// isatap says whether an IPv6 address carries an IPv4 address in its last half
// (RFC 5214), by which a tunnel would lead into a private network.
func isatap(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

var nat64 = sync.OnceValue(func() netip.Prefix { return netip.MustParsePrefix("64:ff9b::/96") })

var global6 = sync.OnceValue(func() netip.Prefix { return netip.MustParsePrefix("2000::/3") })

var special4 = sync.OnceValue(func() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // a public address by which a cloud's machines reach the cloud's own services
	)
})

var special6 = sync.OnceValue(func() []netip.Prefix {
	return prefixes(
		"2001::/23",     // protocols of the IETF: Teredo, ORCHID, benchmarks
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which carries an IPv4 address
		"3fff::/20",     // documentation
	)
})
