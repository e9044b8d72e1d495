package broker

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
)

// headerLimit bounds the wait for an answer's headers once the request is
// written. Models may think for many minutes before an answer that is not
// streamed; it only ends waits that nobody is behind any more.
const headerLimit = 30 * time.Minute

// newBase makes the transport that all accounts share: connections are kept
// per upstream, whichever account uses them.
func newBase(caFile string, environ []string) (*http.Transport, error) {
	roots, err := rootsWith(caFile)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyFrom(environ)
	if err != nil {
		return nil, err
	}
	t := failover.NewBase(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, proxy)
	t.DisableCompression = true // answers go on byte for byte
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = headerLimit
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	t.IdleConnTimeout = 90 * time.Second
	t.MaxResponseHeaderBytes = 1 << 20
	return t, nil
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
