package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"
)

// Certificate is a server's certificate that follows its files. It is safe for
// concurrent use.
type Certificate struct{ followed[tls.Certificate] }

// NewCertificate loads the certificate for the first time. load reads the files.
func NewCertificate(files []string, load func() (*tls.Certificate, error), log *slog.Logger) (*Certificate, error) {
	c := &Certificate{followed[tls.Certificate]{files: files, load: load}}
	c.told = func(ctx context.Context, pair *tls.Certificate, err error) {
		if err != nil {
			log.LogAttrs(ctx, slog.LevelError, "the new TLS certificate cannot be used; the old one stays", slog.String("cause", err.Error()))
			return
		}
		log.LogAttrs(ctx, slog.LevelInfo, "TLS certificate read", slog.Time("not_after", pair.Leaf.NotAfter))
	}
	if err := c.begin(); err != nil {
		return nil, err
	}
	return c, nil
}

// Get is for tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// NotAfter is when the certificate in use ends.
func (c *Certificate) NotAfter() time.Time { return c.current.Load().Leaf.NotAfter }
