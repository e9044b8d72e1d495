// Package broker is the hot path between the gateway and the upstreams: it
// knows the live gateway keys, holds the accounts' opened credentials and their
// pools in memory, and sends a request through the failover of its pool. A
// request that hits these caches reads no store and writes none.
package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
	"keyfob/internal/usage"
)

// Config is what a Broker works with. Store, Keys and Providers are required.
type Config struct {
	Store     store.Store
	Keys      *seal.Keys
	Providers provider.Registry
	// Usage counts requests and tokens, by which limits for each user are kept;
	// nil counts nothing, and then no account with a limit is used.
	Usage *usage.Counter
	// Feed tells of other processes' changes; nil: none are seen until a restart.
	Feed *change.Feed
	// CAFile is a PEM file with certificates to trust beside the system's;
	// empty: none.
	CAFile string
	// Environ is where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read from, as
	// os.Environ gives it; nil: no proxy.
	Environ []string
	// Upstreams is where requests with a credential may go; the zero value:
	// anywhere. With Public rules a SOCKS proxy is refused, since what it dials
	// cannot be checked here.
	Upstreams upstream.Rules
	// Grace is how long gateway keys that are known go on while the store cannot
	// be asked whether they still hold; 0: 5 minutes, less: no time. Keys that are
	// not known need the store.
	Grace time.Duration
	// Cooled is told of each state that takes an account out of use, by its kind in
	// the text form of failover.Kind, or that gives it back ("ok"). It must not
	// block. nil: nobody is told.
	Cooled func(provider, kind string)
	// Log takes faults of the store and of single accounts; nil drops them.
	Log *slog.Logger
}

// Broker sends requests over accounts. It is safe for concurrent use.
type Broker struct {
	Config
	base    *http.Transport
	grants  *grants
	flights *flights
	states  *states
	health  *healthWriter
	limits  *limits
	mark    [32]byte // keys the affinity marks; of this process alone
	changes <-chan []core.Change
	unsub   func()

	loading chan struct{} // held by whoever loads, so that snapshots are put up in order

	mu     sync.RWMutex // guards what is below
	owners map[core.Owner]*snapshot
}

// New makes a Broker; it reads the CA file and nothing else. Errors are of code
// invalid: a CA file that cannot be read or holds no certificate, a proxy that
// is no URL, or one that Upstreams does not go with.
func New(c Config) (*Broker, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	base, err := newBase(c.CAFile, c.Environ, c.Upstreams)
	if err != nil {
		return nil, err
	}
	b := &Broker{
		Config: c, base: base, states: newStates(maxStates), limits: newLimits(c.Usage, c.Log),
		grants:  newGrants(c.Store, newConfirmer(c.Feed, c.Grace)),
		flights: newFlights(c.Store),
		loading: make(chan struct{}, 1), owners: map[core.Owner]*snapshot{},
	}
	b.health = newHealthWriter(c.Store, c.Log)
	_, _ = rand.Read(b.mark[:]) // never fails: crypto/rand aborts the program instead
	if c.Feed != nil {
		b.changes, b.unsub = c.Feed.Subscribe()
	}
	return b, nil
}

// Run makes health durable and follows the changes of all processes until ctx
// ends. It gives ctx's error.
func (b *Broker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { b.health.run(ctx) })
	wg.Go(func() { b.limits.run(ctx) })
	wg.Go(func() { b.flights.run(ctx, b.Log) })
	f := follower{b: b, dirty: b.known(), failed: owners{}} // what was loaded before the feed began may be old
	return f.run(ctx, b.changes)
}

// Close makes what is known durable and closes idle connections. Requests in
// flight are not waited for.
func (b *Broker) Close(ctx context.Context) error {
	if b.unsub != nil {
		b.unsub()
	}
	b.base.CloseIdleConnections()
	err := b.health.flush(ctx)
	if b.Usage != nil {
		err = errors.Join(err, b.Usage.Flush(ctx))
	}
	return err
}

// Stats is what a Broker holds in memory.
type Stats struct {
	Grants  int // gateway keys that are known
	Owners  int // whose accounts are loaded
	Cooling int // accounts that something is held against now
}

// Stats counts; it does no I/O.
func (b *Broker) Stats() Stats {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := Stats{Grants: b.grants.count(), Owners: len(b.owners)}
	now := time.Now()
	for _, s := range b.owners {
		for _, p := range s.pools {
			last := ""
			for _, h := range p.failover.Health(now) { // in order of accounts
				if h.ID != last {
					out.Cooling++
				}
				last = h.ID
			}
		}
	}
	return out
}

type owners map[core.Owner]bool

func (b *Broker) known() owners {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := owners{}
	for o := range b.owners {
		out[o] = true
	}
	return out
}
