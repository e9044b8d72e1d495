package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
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
	if _, err := s.app.store.Version(ctx); err != nil {
		why = append(why, "store")
	}
	if s.confirmed() != nil {
		why = append(why, "changes")
	}
	if s.settings.AuditSink != "" && behind(s.app.guard.Trail()) {
		why = append(why, "audit_sink")
	}
	return why
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
