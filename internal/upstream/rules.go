// Package upstream says where requests that carry an account's credential may
// go.
//
// On one machine that is the business of whoever sits before it: the zero Rules
// allow everything. A server stands in a network that its users are not in, and
// they write the base URLs: there, only public addresses over https are allowed,
// and what the operator lists. A base URL is looked at when it is entered, for a
// clear error, and the very address when it is dialled, since a name may resolve
// to anything, and to something else the next time.
package upstream

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"keyfob/internal/core"
)

// Rules is where requests may go. The zero value allows everything. It is not to
// be changed once in use.
type Rules struct {
	// Public allows only https to public addresses, beside what is listed.
	Public bool
	// Nets are addresses that are allowed all the same.
	Nets []netip.Prefix
	// Hosts are names that are allowed wherever they resolve to, "name" or
	// "name:port", in lower case.
	Hosts []string
}

// Parse gives the public rules with exceptions: each is an address, a CIDR block,
// a host name or NAME:PORT. Errors: invalid.
func Parse(exceptions []string) (Rules, error) {
	r := Rules{Public: true}
	for _, text := range exceptions {
		if err := r.except(strings.ToLower(strings.TrimSpace(text))); err != nil {
			return Rules{}, err
		}
	}
	return r, nil
}

func (r *Rules) except(text string) error {
	if p, err := netip.ParsePrefix(text); err == nil {
		r.Nets = append(r.Nets, p.Masked())
		return nil
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && a.Zone() == "" {
		r.Nets = append(r.Nets, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	u, err := url.Parse("https://" + text)
	if err != nil || u.Host != text || !isName(u.Hostname()) {
		return core.Errorf(core.Invalid, "%q is no upstream that can be allowed", clip(text)).
			WithHint("write an address, a block such as 10.1.0.0/16, a host name or NAME:PORT")
	}
	r.Hosts = append(r.Hosts, text)
	return nil
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// isName says whether a host is one of letters, digits, hyphens, underscores and
// dots that no program takes for an address.
func isName(host string) bool {
	ok := host != "" && !numeric(host) && !strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	})
	return ok && !strings.HasPrefix(host, ".")
}

// numeric says whether a host's last label is a number in decimal, octal or
// hexadecimal: such a text is an address to some programs (127.1, 0x7f000001,
// 2130706433), and to others a name.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return true
	}
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// CheckURL says why a base URL cannot be, as far as its text tells: invalid,
// with the field "base_url". The text itself is in no error.
func (r Rules) CheckURL(base string) error {
	if !r.Public {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return refused("the base URL is not a URL with a host")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if r.listed(host, u.Port()) {
		return nil
	}
	if u.Scheme != "https" && !r.listedAddress(host) {
		return refused("the base URL is not https")
	}
	return r.checkHost(host)
}

// listed says whether the operator named the host.
func (r Rules) listed(host, port string) bool {
	if port == "" {
		port = "443"
	}
	return slices.Contains(r.Hosts, host) || slices.Contains(r.Hosts, host+":"+port)
}

// listedAddress says whether the host is an address that the operator named.
func (r Rules) listedAddress(host string) bool {
	a, err := netip.ParseAddr(host)
	if isLocalhost(host) {
		a, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	return err == nil && a.Zone() == "" && r.excepted(a.Unmap())
}

func isLocalhost(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "localhost.localdomain" || host == "ip6-localhost"
}

func (r Rules) checkHost(host string) error {
	if r.listedAddress(host) {
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if r.CheckAddr(a) != nil {
			return refused("the base URL's host is not a public address")
		}
		return nil
	}
	switch {
	case isLocalhost(host):
		return refused("the base URL's host is this server itself")
	case numeric(host):
		return refused("the base URL's host is a number that programs read in different ways")
	}
	return nil
}

func refused(msg string) error {
	return core.Errorf(core.Invalid, "%s, which this server does not send credentials to", msg).WithField("base_url").WithReason("upstream_refused").
		WithHint("use the service's public https address; whoever runs the server can allow others (upstream_allow)")
}
