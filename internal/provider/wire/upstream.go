// Package wire has what the adapters share: where a request goes and what it
// carries, which headers pass, how errors and waiting times are read. It knows
// HTTP and JSON, and no provider.
package wire

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// Base checks an account's base URL: https, or http to a loopback address;
// nothing but scheme, host (in ASCII) and path. It gives the form to store: lower-case
// scheme and host, no default port, no slash at the end. An empty one is def,
// and an official host alone (the same host as def, no path) gets def's path.
// The text itself is in no error, since people paste credentials into URLs.
func Base(raw, def string) (string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		raw = def
	}
	if raw == "" {
		return "", badBase("a base URL is needed").WithHint("give it with --base-url: the address that the service's documentation names for SDKs")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return "", badBase("the base URL is not a URL with a host").WithHint("write it like https://api.example.com/v1")
	}
	if err := checkParts(u, raw); err != nil {
		return "", err
	}
	normalise(u)
	if d, err := url.Parse(def); err == nil && def != "" && u.Path == "" && u.Host == d.Host {
		u.Path = d.Path
	}
	return u.String(), nil
}

func badBase(msg string) *core.Error {
	return core.Errorf(core.Invalid, "%s", msg).WithField("base_url")
}

func checkParts(u *url.URL, raw string) error {
	switch {
	case u.User != nil:
		return badBase("the base URL carries a user name or password").WithHint("leave out what stands before the @; a credential belongs in the account's key")
	case u.RawQuery != "" || u.ForceQuery:
		return badBase("the base URL carries a query").WithHint("leave out the ? and what follows it")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return badBase("the base URL carries a fragment").WithHint("leave out the # and what follows it")
	case !ascii(u.Hostname()):
		return badBase("the base URL's host has a letter outside of ASCII").WithHint("write such a name in its form for the network, which begins with xn--")
	case hasControl(u.Path) || dotted(u.Path):
		return badBase("the base URL's path has control characters, or . or .. as a part").WithHint("write the path out")
	}
	return checkScheme(u)
}

// ascii says whether a host is written in ASCII alone: in lower case another
// one can look like a host that it is not.
func ascii(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 })
}

func checkScheme(u *url.URL) error {
	switch strings.ToLower(u.Scheme) {
	case "https":
	case "http":
		if !Loopback(u.Hostname()) {
			return badBase("plain http would send the credential readable over the network").WithHint("use https; http is for this machine only: 127.0.0.1, ::1 or localhost")
		}
	default:
		return badBase("the base URL's scheme is neither https nor http").WithHint("write it like https://api.example.com/v1")
	}
	if p := u.Port(); strings.HasSuffix(u.Host, ":") || !validPort(p) {
		return badBase("the base URL's port is not a number from 1 to 65535").WithHint("leave it out for the usual one")
	}
	return nil
}

func validPort(p string) bool {
	n := 0
	for i := range len(p) {
		if n = n*10 + int(p[i]-'0'); n > 65535 {
			return false
		}
	}
	return p == "" || n > 0
}

// Loopback says whether a host is this machine by its own name or address,
// without asking a resolver.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func normalise(u *url.URL) {
	u.Scheme = strings.ToLower(u.Scheme)
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		port = ""
	}
	switch {
	case port != "":
		u.Host = net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		u.Host = "[" + host + "]"
	default:
		u.Host = host
	}
	u.Path, u.RawPath = strings.TrimRight(path.Clean("/"+u.Path), "/"), ""
}

// Point aims the request at c's upstream: its base URL joined with the path
// below the gateway, of which a leading drop ("/v1", at a segment's border) is
// left out. It refuses a path with a "." or ".." segment in any spelling, so
// that a client never leaves the base URL's path. The query stays as it is, but
// for the parameters that carry credentials.
func Point(req *http.Request, c provider.Credential, drop string) error {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" {
		return core.Errorf(core.Internal, "the account's base URL cannot be read").WithHint("set it again with --base-url")
	}
	if dotted(req.URL.Path) || hasControl(req.URL.RawQuery) {
		return core.Errorf(core.Invalid, "the path has . or .. as a part, or the query control characters").WithField("path").WithHint("write the path out")
	}
	escaped := trimSegment(req.URL.EscapedPath(), drop)
	u := &url.URL{Scheme: base.Scheme, Host: base.Host, RawQuery: StripQuery(req.URL.RawQuery)}
	u.Path = base.Path + trimSegment(req.URL.Path, drop)
	u.RawPath = base.EscapedPath() + escaped
	req.URL, req.Host, req.RequestURI = u, base.Host, ""
	return nil
}

// trimSegment drops a leading prefix that ends where a segment does. A path
// always begins with a slash, or is empty.
func trimSegment(p, prefix string) string {
	if prefix == "" {
		return p
	}
	rest, ok := strings.CutPrefix(p, prefix)
	if !ok || (rest != "" && rest[0] != '/') {
		return p
	}
	return rest
}

// dotted says whether a decoded path has a dot segment. Backslashes count as
// slashes, since some servers take them so.
func dotted(p string) bool {
	for seg := range strings.FieldsFuncSeq(p, func(r rune) bool { return r == '/' || r == '\\' }) {
		if seg == "." || seg == ".." {
			return true
		}
	}
	return false
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
