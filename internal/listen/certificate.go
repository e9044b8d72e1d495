package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// watchEvery is how often the files of a certificate are looked at.
const watchEvery = time.Second

// Certificate is a server's certificate that follows its files: whoever writes
// them anew needs no restart. It is safe for concurrent use.
type Certificate struct {
	files   []string
	load    func() (*tls.Certificate, error)
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
	seen    []stamp // of Run and Reload, which share the lock below
	lock    chan struct{}
}

// stamp tells one state of a file from another; renaming a new file into place
// changes the inode, which os.SameFile sees.
type stamp struct {
	info os.FileInfo
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) && s.info.Size() == o.info.Size()
}

// NewCertificate loads the certificate for the first time. load reads the files.
func NewCertificate(files []string, load func() (*tls.Certificate, error), log *slog.Logger) (*Certificate, error) {
	c := &Certificate{files: files, load: load, log: log, lock: make(chan struct{}, 1)}
	c.seen = c.look() // before the reading: a change in between shows as one
	pair, err := load()
	if err != nil {
		return nil, err
	}
	c.current.Store(pair)
	return c, nil
}

// Get is for tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// Run follows the files until ctx ends, and then gives nil.
func (c *Certificate) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			c.Reload(ctx, false)
		}
	}
}

// Reload reads the files anew if they have changed, or always if told to. A pair
// that cannot be used leaves the one that is in use, and the log says so.
func (c *Certificate) Reload(ctx context.Context, always bool) {
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	now := c.look()
	if !always && same(now, c.seen) {
		return
	}
	pair, err := c.load()
	// Remembered either way: a broken pair is told once, not each second.
	c.seen = now
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "the new TLS certificate cannot be used; the old one stays", slog.String("cause", err.Error()))
		return
	}
	c.current.Store(pair)
	c.log.LogAttrs(ctx, slog.LevelInfo, "TLS certificate read", slog.Time("not_after", pair.Leaf.NotAfter))
}

// NotAfter is when the certificate in use ends.
func (c *Certificate) NotAfter() time.Time { return c.current.Load().Leaf.NotAfter }

func (c *Certificate) look() []stamp {
	out := make([]stamp, len(c.files))
	for i, f := range c.files {
		out[i].info, _ = os.Stat(f) // one that is away is a state, too
	}
	return out
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].same(b[i]) {
			return false
		}
	}
	return true
}
