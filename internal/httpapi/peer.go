package httpapi

import (
	"crypto/subtle"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// ProxySecretHeader is where a proxy sends what proves it.
const ProxySecretHeader = "Keyfob-Proxy-Secret"

// Peers says which proxies are believed. A proxy proves itself by where it calls
// from and, besides, by a secret or a client certificate; the zero value
// believes nobody.
type Peers struct {
	// Networks that a proxy calls from.
	Networks []netip.Prefix
	// Secret that a proxy sends in ProxySecretHeader; the zero value: none does.
	Secret secret.Secret
	// Certificates are DNS names; a client certificate that TLS has verified and
	// that has one of them proves a proxy. Empty: none does.
	Certificates []string
	// Trust says of a connection whose certificate TLS has verified whether that
	// certificate counts still; nil: it does.
	Trust func(*tls.ConnectionState) bool
	// UserHeader names the user whom a proxy vouches for; empty: none does.
	UserHeader string
	// EmailHeader gives the user's address; empty: none does.
	EmailHeader string
}

// Peer is what is to be believed of where a request comes from.
type Peer struct {
	Proven  bool       // a proxy that has proved itself is in between
	Address netip.Addr // of the client; the zero value in process
	Scheme  string     // http or https, as the client sees it
	Host    string     // as the client sees it
	User    string     // whom the proxy vouches for; empty: nobody
	Email   string     // and their address; may be empty
	Claimed bool       // an identity header is there, whoever sent it
	Half    bool       // a proxy that sends addresses names somebody without one
}

// Origin is the server's own origin as the client sees it.
func (p Peer) Origin() string { return p.Scheme + "://" + p.Host }

// Of says what is to be believed of a request. What a proxy says of others
// counts from a proven one only.
func (p Peers) Of(r *http.Request) Peer {
	out := Peer{Address: direct(r), Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		out.Scheme = "https"
	}
	out.Claimed = has(r, p.UserHeader) || has(r, p.EmailHeader)
	out.Proven = p.proven(r, out.Address)
	if !out.Proven {
		return out
	}
	out.Address = p.client(r, out.Address)
	if s := single(r, "X-Forwarded-Proto"); s == "http" || s == "https" {
		out.Scheme = s
	}
	if h := single(r, "X-Forwarded-Host"); h != "" && !strings.ContainsAny(h, ",/ \t@") {
		out.Host = h
	}
	if p.UserHeader != "" {
		out.User = single(r, p.UserHeader)
	}
	if p.EmailHeader != "" {
		out.Email = single(r, p.EmailHeader)
		out.Half = out.User != "" && out.Email == ""
	}
	return out
}

// Refused is why a request must not be looked at any further: it has an identity
// header, and nobody who may send one.
func (p Peer) Refused() error {
	switch {
	case p.Half:
		return core.Errorf(core.Unauthenticated, "the proxy in front of this server names somebody and sends no address").WithReason(reasonIdentity).
			WithHint("give this person an address at the identity provider: it decides who they are here")
	case !p.Claimed || p.Proven && p.User != "":
		return nil
	}
	return core.Errorf(core.Forbidden, "the identity header is believed from a proven proxy alone").WithReason(reasonIdentity).
		WithHint("call the server through its proxy; the proxy must call from a listed network and send its secret or certificate, and the header once")
}

func (p Peers) proven(r *http.Request, from netip.Addr) bool {
	inside := slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(from) })
	return inside && (p.secretSent(r) || p.certified(r))
}

func (p Peers) secretSent(r *http.Request) bool {
	sent := r.Header.Values(ProxySecretHeader)
	if p.Secret.IsZero() || len(sent) != 1 {
		return false
	}
	// Digests are of one length, so the time tells nothing of the secret's.
	return subtle.ConstantTimeCompare(core.TokenDigest(sent[0]), core.TokenDigest(string(p.Secret.Reveal()))) == 1
}

// certified looks at verified chains alone.
func (p Peers) certified(r *http.Request) bool {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || p.Trust != nil && !p.Trust(r.TLS) {
		return false
	}
	leaf := r.TLS.PeerCertificates[0]
	return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return slices.Contains(p.Certificates, n) })
}

// client is the last address of X-Forwarded-For that is no proxy's own.
func (p Peers) client(r *http.Request, from netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return from
		}
		from = a.Unmap().WithZone("")
		if !slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(from) }) {
			return from
		}
	}
	return from
}

func direct(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func has(r *http.Request, header string) bool {
	return header != "" && len(r.Header.Values(header)) > 0
}

// single is a header's value where it is there just once.
func single(r *http.Request, header string) string {
	if v := r.Header.Values(header); len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}
