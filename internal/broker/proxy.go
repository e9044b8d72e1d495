package broker

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"keyfob/internal/core"
)

// proxies is HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
type proxies struct {
	secure, plain *url.URL // nil: none
	skip          noProxy
}

// proxiesFrom reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in lower case too, from
// an environment, with the meaning that curl and Go give them: a proxy is a URL
// or HOST:PORT; NO_PROXY is a comma-separated list of *, host names (which hold
// for their subdomains), .suffixes, addresses and CIDR blocks, each with an
// optional port. Loopback upstreams never go through a proxy.
func proxiesFrom(environ []string) (proxies, error) {
	env := variables(environ)
	var p proxies
	var err error
	if p.secure, err = proxyURL("HTTPS_PROXY", first(env["HTTPS_PROXY"], env["https_proxy"])); err != nil {
		return proxies{}, err
	}
	if p.plain, err = proxyURL("HTTP_PROXY", first(env["HTTP_PROXY"], env["http_proxy"])); err != nil {
		return proxies{}, err
	}
	p.skip = parseNoProxy(first(env["NO_PROXY"], env["no_proxy"]))
	return p, nil
}

// choose gives the proxy of a request; nil where there are none.
func (p proxies) choose() func(*http.Request) (*url.URL, error) {
	if p.secure == nil && p.plain == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		to := p.plain
		if r.URL.Scheme == "https" {
			to = p.secure
		}
		if to == nil || p.skip.has(r.URL) {
			return nil, nil
		}
		return to, nil
	}
}

func (p proxies) all() []*url.URL {
	return slices.DeleteFunc([]*url.URL{p.secure, p.plain}, func(u *url.URL) bool { return u == nil })
}

func (p proxies) socks() bool {
	return slices.ContainsFunc(p.all(), func(u *url.URL) bool { return strings.HasPrefix(u.Scheme, "socks") })
}

// addresses are the HOST:PORT by which net/http dials the proxies.
func (p proxies) addresses() []string {
	var out []string
	for _, u := range p.all() {
		out = append(out, address(u))
	}
	return out
}

// address is the HOST:PORT that a URL is dialled by.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPort[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

var defaultPort = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

func variables(environ []string) map[string]string {
	out := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			out[k] = v
		}
	}
	return out
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// proxyURL never puts the text into its error: it may hold a password.
func proxyURL(name, text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		u, err = url.Parse("http://" + text)
	}
	if err == nil && u.Hostname() != "" {
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
			return u, nil
		}
	}
	return nil, core.Errorf(core.Invalid, "%s is not a proxy's address", name).WithField(name).
		WithHint("write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")
}

type noProxy struct {
	all   bool
	rules []noProxyRule
}

type noProxyRule struct {
	host string // without a leading dot
	sub  bool   // only subdomains
	net  netip.Prefix
	port string // empty: any
}

func parseNoProxy(list string) noProxy {
	var out noProxy
	for item := range strings.SplitSeq(list, ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		switch item {
		case "":
		case "*":
			out.all = true
		default:
			out.rules = append(out.rules, parseRule(item))
		}
	}
	return out
}

func parseRule(item string) noProxyRule {
	if p, err := netip.ParsePrefix(item); err == nil {
		return noProxyRule{net: p.Masked()}
	}
	var r noProxyRule
	r.host = item
	if h, p, err := net.SplitHostPort(item); err == nil {
		r.host, r.port = h, p
	}
	r.host = strings.Trim(r.host, "[]")
	if a, err := netip.ParseAddr(r.host); err == nil {
		r.net = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return r
	}
	r.host = strings.TrimPrefix(r.host, "*")
	if strings.HasPrefix(r.host, ".") {
		r.sub, r.host = true, r.host[1:]
	}
	return r
}

func (n noProxy) has(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	addr, err := netip.ParseAddr(host)
	if addr = addr.Unmap(); err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	port := u.Port()
	if port == "" {
		port = defaultPort[u.Scheme]
	}
	for _, r := range n.rules {
		if r.matches(host, addr, port) {
			return true
		}
	}
	return n.all
}

func (r noProxyRule) matches(host string, addr netip.Addr, port string) bool {
	if r.port != "" && r.port != port {
		return false
	}
	if r.net.IsValid() {
		return addr.IsValid() && r.net.Contains(addr)
	}
	return r.host != "" && (strings.HasSuffix(host, "."+r.host) || !r.sub && host == r.host)
}
