package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// loopback carries requests to a keyfob on this machine; nil for any other
// address. No proxy sees them, and localhost with all names below it is this
// machine by RFC 6761, whatever the system's resolver makes of it.
func loopback(base string, roots *x509.CertPool) http.RoundTripper {
	u, err := url.Parse(base)
	if err != nil || !isLoopback(u.Hostname()) {
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.DialContext = dialLoopback
	return t
}

// dialLoopback takes addresses for which isLoopback holds.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	host, port, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(strings.TrimSuffix(host, ".")) != nil {
		return d.DialContext(ctx, network, address)
	}
	c, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return c, nil
	}
	c, err6 := d.DialContext(ctx, network, net.JoinHostPort("::1", port))
	if err6 != nil {
		return nil, errors.Join(err, err6)
	}
	return c, nil
}
