package throttle

import "net/netip"

// Client is the key of a client's address: of IPv4 the address, however it is
// written; of IPv6 its network of 64 bits, which is what one client has at
// least. All that is no address has one key.
func Client(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "unknown"
	}
	if a.Is4() {
		return a.String()
	}
	network, err := a.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}

// Machine is Client, but that this machine is one, whichever of its 16 million
// loopback addresses something comes from. It is for what must stay bounded more
// than it must tell the people of this machine apart.
func Machine(a netip.Addr) string {
	if a.Unmap().IsLoopback() {
		return "loopback"
	}
	return Client(a)
}
