package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/upstream"
)

// headerLimit bounds the wait for an answer's headers once the request is
// written. Models may think for many minutes before an answer that is not
// streamed; it only ends waits that nobody is behind any more.
const headerLimit = 30 * time.Minute

// newBase makes the transport that all accounts share: connections are kept
// per upstream, whichever account uses them. It dials what the rules allow.
func newBase(caFile string, environ []string, rules upstream.Rules) (*http.Transport, error) {
	roots, err := rootsWith(caFile)
	if err != nil {
		return nil, err
	}
	p, err := proxiesFrom(environ)
	if err != nil {
		return nil, err
	}
	t := failover.NewBase(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, p.choose())
	if rules.Public {
		if err := hold(t, p, rules); err != nil {
			return nil, err
		}
	}
	t.DisableCompression = true // answers go on byte for byte
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = headerLimit
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	t.IdleConnTimeout = 90 * time.Second
	t.MaxResponseHeaderBytes = 1 << 20
	return t, nil
}

// hold keeps a transport to the rules. What it dials itself is checked when it is
// dialled. What a proxy dials is checked by what the name resolves to here, before
// the proxy is asked for it: the proxy may resolve it to something else, so it
// should refuse private addresses itself.
func hold(t *http.Transport, p proxies, rules upstream.Rules) error {
	if p.socks() {
		return core.Errorf(core.Invalid, "a server cannot send through a SOCKS proxy: what that dials cannot be checked").WithField("HTTPS_PROXY").
			WithHint("use an HTTP proxy, or none")
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t.DialContext = failover.CountWrites(failover.DialFunc(rules.Dial(dialer, p.addresses()...)))
	if choose := t.Proxy; choose != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if slices.Contains(p.addresses(), address(r.URL)) {
				return nil, upstream.Refused()
			}
			return choose(r)
		}
	}
	t.GetProxyConnectHeader = func(ctx context.Context, _ *url.URL, target string) (http.Header, error) {
		return nil, rules.Resolve(ctx, net.DefaultResolver, target)
	}
	return nil
}

// rootsWith is the system's certificates and those of a PEM file; nil, for the
// system's alone, where no file is named.
func rootsWith(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, core.Errorf(core.Invalid, "the CA file %s cannot be read", path).WithField("ca_file").
			WithHint("--ca-file takes a readable file with certificates in PEM form").Wrap(err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without certificates still has the file's
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, core.Errorf(core.Invalid, "the CA file %s holds no certificate", path).WithField("ca_file").
			WithHint("it must hold at least one block -----BEGIN CERTIFICATE-----")
	}
	return pool, nil
}
