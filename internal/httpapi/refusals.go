package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"keyfob/api"
	"keyfob/internal/throttle"
)

const (
	// refusedEvery is how often an address may have a line of the log for what it
	// was refused.
	refusedEvery = time.Minute
	// maxRefused bounds the addresses that have one.
	maxRefused = 1024
	// elsewhere stands for the addresses beyond.
	elsewhere = "others"
)

// refusals writes down whose proofs are no good: the first from an address at
// once, and once an interval how many there were. So nobody floods the log by
// guessing.
type refusals struct {
	log *slog.Logger

	mu     sync.Mutex // guards what is below
	counts map[string]int
}

// add counts one more. An interval begins with the first, and one timer ends it.
func (f *refusals) add(ctx context.Context, address, reason string) {
	f.mu.Lock()
	if len(f.counts) >= maxRefused && f.counts[address] == 0 {
		address = elsewhere
	}
	if f.counts == nil {
		f.counts = map[string]int{}
		time.AfterFunc(refusedEvery, f.sum)
	}
	f.counts[address]++
	first := f.counts[address] == 1
	f.mu.Unlock()
	if first {
		f.log.LogAttrs(ctx, slog.LevelWarn, "proof refused", slog.String("address", address), slog.String("reason", reason))
	}
}

// sum tells of the interval that is over.
func (f *refusals) sum() {
	f.mu.Lock()
	counts := f.counts
	f.counts = nil
	f.mu.Unlock()
	for address, n := range counts {
		if n > 1 {
			f.log.LogAttrs(context.Background(), slog.LevelWarn, "proofs refused", slog.String("address", address), slog.Int("count", n))
		}
	}
}

// Refused writes down that a request's proof was no good, where something else
// than this API has found that. The reason is a word of a fixed set.
func (s *Server) Refused(r *http.Request, reason string) {
	s.refusals.add(r.Context(), throttle.Client(s.Peers.Of(r).Address), reason)
}

// refused writes down a refusal that is one of a proof. That there is none at all
// is no guess.
func (s *Server) refused(c *call, e *api.Error) {
	switch {
	case c.silent || c.actor.ID != "":
	case e.Code == api.CodeUnauthenticated, e.Reason == "too_many_attempts", e.Reason == reasonIdentity, e.Reason == reasonProofs:
		s.refusals.add(c.r.Context(), throttle.Client(c.peer.Address), e.Reason)
	}
}

// told is the log's line of a request: the route as the table has it, and nothing
// that whoever asks has written.
func (s *Server) told(r *http.Request, o Observation, actor, reason string) {
	s.Log.LogAttrs(r.Context(), slog.LevelDebug, "api request",
		slog.String("route", o.Route), slog.String("method", o.Method), slog.Int("status", o.Status),
		slog.String("reason", reason), slog.String("actor", actor), slog.Float64("took_ms", float64(o.Took.Microseconds())/1000))
	if s.Observe != nil {
		s.Observe(o)
	}
}
