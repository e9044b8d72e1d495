package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Flight is one request under way with a gateway key.
type Flight struct {
	Grant
	digest digest
	of     *flights
	cancel context.CancelFunc
	over   atomic.Bool
}

// Begin is Grant for a request that is to end with its grant. The context that it
// gives is cancelled when the key is taken back: its workspace ends or expires,
// the key is rotated, its user is disabled, in whatever process. It is not while
// the store cannot be asked. from is the client who asks: of keys that are not
// known each waits for its own first. End must be called; the errors are those of
// Grant.
func (b *Broker) Begin(ctx context.Context, key string, from func() string) (context.Context, *Flight, error) {
	if err := isGatewayKey(key); err != nil {
		return nil, nil, err
	}
	f := &Flight{digest: digest(core.TokenDigest(key)), of: b.flights}
	g, age, err := b.grants.get(ctx, f.digest, from)
	if err != nil {
		return nil, nil, err
	}
	f.Grant = g
	ctx, f.cancel = context.WithCancel(ctx)
	b.flights.enter(f)
	if b.grants.changedSince(age) { // news that came before the flight was there to be told
		b.flights.doubt(g.Workspace)
	}
	return ctx, f, nil
}

// Err is why the flight was ended before its time (unauthenticated, reason
// "gateway_key_revoked"); nil: it was not.
func (f *Flight) Err() error {
	if f.over.Load() {
		return revoked()
	}
	return nil
}

// End ends the flight and its context. More calls do nothing.
func (f *Flight) End() {
	f.of.leave(f)
	f.cancel()
}

// flights knows the requests under way, so that they end with their grant.
// Whatever may have ended a grant makes its workspace doubtful; one goroutine,
// run, asks the store and cancels.
type flights struct {
	store store.Store
	wake  chan struct{} // tells run that something is doubtful

	mu       sync.Mutex        // guards what is below
	of       map[string]*group // by workspace; only those with flights
	doubtful map[string]bool   // some of them
}

// group is the flights of one workspace.
type group struct {
	owner  core.Owner
	all    map[*Flight]struct{}
	expiry *time.Timer // nil: the workspace does not expire
}

func newFlights(st store.Store) *flights {
	return &flights{store: st, wake: make(chan struct{}, 1), of: map[string]*group{}, doubtful: map[string]bool{}}
}

func (fs *flights) enter(f *Flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	g := fs.of[f.Workspace]
	if g == nil {
		g = &group{owner: f.Owner, all: map[*Flight]struct{}{}}
		fs.of[f.Workspace] = g
		fs.expireLocked(f.Workspace, g, f.ExpiresAt)
	}
	g.all[f] = struct{}{}
}

// expireLocked has the workspace looked at when it expires. By then it may have
// been renewed, of which nobody tells.
func (fs *flights) expireLocked(workspace string, g *group, at time.Time) {
	if g.expiry != nil {
		g.expiry.Stop()
		g.expiry = nil
	}
	if !at.IsZero() {
		g.expiry = time.AfterFunc(time.Until(at), func() { fs.doubt(workspace) })
	}
}

func (fs *flights) leave(f *Flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if g := fs.of[f.Workspace]; g != nil {
		fs.removeLocked(g, f)
	}
}

func (fs *flights) removeLocked(g *group, f *Flight) {
	delete(g.all, f)
	if len(g.all) > 0 {
		return
	}
	if g.expiry != nil {
		g.expiry.Stop()
	}
	delete(fs.of, f.Workspace)
	delete(fs.doubtful, f.Workspace)
}

// doubt has a workspace's grant looked at.
func (fs *flights) doubt(workspace string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.of[workspace] != nil {
		fs.doubtful[workspace] = true
		fs.wakeLocked()
	}
}

// doubtOf has the grants of the owners looked at that fn is true for.
func (fs *flights) doubtOf(fn func(core.Owner) bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for w, g := range fs.of {
		if fn(g.owner) {
			fs.doubtful[w] = true
			fs.wakeLocked()
		}
	}
}

func (fs *flights) wakeLocked() {
	select {
	case fs.wake <- struct{}{}:
	default: // run has not taken the last one yet
	}
}
