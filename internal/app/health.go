package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
)

const (
	// confirmWithin is how old the feed's last reading may be: beyond it a change
	// of another process may be missing.
	confirmWithin = 2 * time.Second
	// copyWithin is how long an entry of the trail may wait for its copy.
	copyWithin = time.Minute
	askWithin  = time.Second
	// writeEvery is how often the store is asked whether it can be written, and how
	// long it may take to say so.
	writeEvery = 2 * time.Second
)

// confirmed says why this process may not see every change now.
func (s *Server) confirmed() error {
	if time.Since(s.app.feed.Confirmed()) <= confirmWithin {
		return nil
	}
	e := core.Errorf(core.Unavailable, "the store cannot be read now, so nothing is handed out").WithReason(api.ReasonUnconfirmed).
		WithHint("try again; if it lasts, /readyz and the server's log say more")
	e.RetryAfter = time.Second
	return e
}

// readiness is the body of GET /readyz.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty"`
}

// unready says why no requests should come here now: words of a fixed set.
func (s *Server) unready(ctx context.Context) (why []string) {
	if s.routes.draining.Load() {
		why = append(why, "draining")
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	_, err := s.app.store.Version(ctx)
	switch written := s.writes.state(time.Now()); {
	case isMoved(err) || isMoved(written):
		why = append(why, "store_moved")
	case err != nil:
		why = append(why, "store")
	case written != nil:
		why = append(why, "writes")
	}
	if s.confirmed() != nil {
		why = append(why, "changes")
	}
	if s.settings.AuditSink != "" && behind(s.app.guard.Trail()) {
		why = append(why, "audit_sink")
	}
	return why
}

func isMoved(err error) bool {
	return errors.Is(err, &core.Error{Code: core.Unavailable, Reason: "store_moved"})
}

// writes is what the store said last, asked whether it can be written.
type writes struct {
	mu  sync.Mutex // guards what is below
	at  time.Time
	err error
}

// said is told what the store says, and gives what it said before.
func (w *writes) said(at time.Time, err error) (before error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, w.at, w.err = w.err, at, err
	return before
}

// state is nil while the store can be written. A store that does not answer at
// all cannot.
func (w *writes) state(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && now.Sub(w.at) > 3*writeEvery {
		return core.Errorf(core.Unavailable, "the store does not say whether it can be written").WithHint("look at the disk that it is on")
	}
	return w.err
}

// watchWrites asks the store again and again whether it can be written, so that
// who asks for readiness waits for no lock and no disk. It logs each change.
func (s *Server) watchWrites(ctx context.Context) error {
	st, ok := s.app.store.(interface{ Writable(context.Context) error })
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		var err error
		if ok {
			err = asked(ctx, st.Writable)
		}
		if ctx.Err() != nil {
			return nil
		}
		s.logWrites(ctx, s.writes.said(time.Now(), err), err)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func asked(ctx context.Context, writable func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeEvery)
	defer cancel()
	return writable(ctx)
}

func (s *Server) logWrites(ctx context.Context, before, now error) {
	switch {
	case before == nil && now != nil:
		s.log.LogAttrs(ctx, slog.LevelError, "the store cannot be written", slog.String("cause", now.Error()))
	case before != nil && now == nil:
		s.log.LogAttrs(ctx, slog.LevelInfo, "the store can be written again")
	}
}

// behind says whether the copy of the trail does not keep up.
func behind(t guard.TrailStatus) bool {
	return t.Unsent > 0 && time.Since(t.SentAt) > copyWithin
}

func (s *Server) answerReady(w http.ResponseWriter, r *http.Request) {
	why := s.unready(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if len(why) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(readiness{Ready: len(why) == 0, Reasons: why})
}

func remote(r *http.Request) (netip.Addr, bool) {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr().Unmap(), err == nil
}
