package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

func fromCore(h core.Health) (failover.Health, bool) {
	kind, ok := failover.ParseKind(h.Kind)
	return failover.Health{ID: h.AccountID, Model: h.Model, Kind: kind, Until: h.Until, Epoch: h.Epoch, Reason: h.Reason}, ok
}

func toCore(h failover.Health, now time.Time) core.Health {
	return core.Health{
		AccountID: h.ID, Model: h.Model, Kind: h.Kind.String(), Until: h.Until, Epoch: h.Epoch,
		Reason: h.Reason, UpdatedAt: now,
	}
}

// maxPending bounds what waits for a store that does not take writes.
const maxPending = 4096

type healthKey struct {
	account, model string
	ok             bool
}

// healthWriter makes health durable off the request path: what came in while a
// write went on is the next write, so there is never more than one on the way.
// Records merge commutatively, so neither their order nor a repeated write
// matters.
type healthWriter struct {
	store store.Store
	log   *slog.Logger
	wake  chan struct{}
	write chan struct{} // held by whoever writes

	mu      sync.Mutex // guards what is below
	pending map[healthKey]core.Health
}

func newHealthWriter(st store.Store, log *slog.Logger) *healthWriter {
	return &healthWriter{
		store: st, log: log, wake: make(chan struct{}, 1), write: make(chan struct{}, 1),
		pending: map[healthKey]core.Health{},
	}
}

// add takes records; it never blocks on I/O.
func (w *healthWriter) add(hs []failover.Health) {
	now := time.Now()
	w.mu.Lock()
	for _, h := range hs {
		w.mergeLocked(toCore(h, now))
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *healthWriter) mergeLocked(h core.Health) {
	k := healthKey{h.AccountID, h.Model, h.Kind == failover.OK.String()}
	old, ok := w.pending[k]
	switch {
	case !ok && len(w.pending) >= maxPending:
	case !ok, h.Epoch > old.Epoch, h.Epoch == old.Epoch && h.Until.After(old.Until):
		w.pending[k] = h
	}
}

// run writes whatever comes in, at once, until ctx ends; then a last time.
func (w *healthWriter) run(ctx context.Context) {
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-again:
		}
		again = nil
		if err := w.flush(ctx); err != nil && ctx.Err() == nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "health not written", slog.String("cause", err.Error()))
			again = time.After(retryEvery)
		}
	}
}

// flush makes all that is pending durable.
func (w *healthWriter) flush(ctx context.Context) error {
	select {
	case w.write <- struct{}{}:
		defer func() { <-w.write }()
	case <-ctx.Done():
		return ctx.Err()
	}
	batch := w.take()
	if len(batch) == 0 {
		return nil
	}
	err := w.store.Update(ctx, func(tx store.Tx) error { return tx.Health().Merge(ctx, batch) })
	if err != nil {
		w.putBack(batch)
	}
	return err
}

func (w *healthWriter) take() []core.Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]core.Health, 0, len(w.pending))
	for _, h := range w.pending {
		out = append(out, h)
	}
	clear(w.pending)
	return out
}

func (w *healthWriter) putBack(batch []core.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range batch {
		w.mergeLocked(h)
	}
}

// Health lists what is held against an owner's accounts now, as this broker
// knows it, in no particular order.
func (b *Broker) Health(ctx context.Context, o core.Owner) ([]core.Health, error) {
	s, err := b.owner(ctx, o)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var out []core.Health
	for _, p := range s.pools {
		for _, h := range p.failover.Health(now) {
			out = append(out, toCore(h, now))
		}
	}
	return out, nil
}
