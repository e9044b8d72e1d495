package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
)

// Authorities are those of clients' certificates; they follow their file. They
// are safe for concurrent use.
type Authorities struct {
	followed[x509.CertPool]
	first *x509.CertPool
}

// NewAuthorities loads the file for the first time. load reads it, into a new
// pool each time.
func NewAuthorities(file string, load func() (*x509.CertPool, error), log *slog.Logger) (*Authorities, error) {
	a := &Authorities{followed: followed[x509.CertPool]{files: []string{file}, load: load}}
	a.told = func(ctx context.Context, _ *x509.CertPool, err error) {
		if err != nil {
			log.LogAttrs(ctx, slog.LevelError, "the new authorities of client certificates cannot be used; the old ones stay", slog.String("cause", err.Error()))
			return
		}
		log.LogAttrs(ctx, slog.LevelInfo, "authorities of client certificates read")
	}
	if err := a.begin(); err != nil {
		return nil, err
	}
	a.first = a.current.Load()
	return a, nil
}

// Config gives a configuration that asks each client for a certificate of the
// authorities at that time; one without is let in as well. No session is taken
// up again, since that would take an old handshake's word for the certificate.
func (a *Authorities) Config(base *tls.Config) *tls.Config {
	base = base.Clone()
	base.NextProtos = []string{"h2", "http/1.1"} // net/http adds them to its own copy alone
	base.ClientAuth, base.SessionTicketsDisabled = tls.VerifyClientCertIfGiven, true
	outer := base.Clone()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := base.Clone()
		c.ClientCAs = a.current.Load()
		return c, nil
	}
	return outer
}

// Trust says whether a connection's client certificate is of the authorities as
// they are now: connections outlive the file.
func (a *Authorities) Trust(s *tls.ConnectionState) bool {
	now := a.current.Load()
	if now == a.first {
		return true // the handshake asked the same
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: now, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}
