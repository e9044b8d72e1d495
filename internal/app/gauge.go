package app

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/internal/store"
	"keyfob/internal/telemetry"
)

// gauges are what a scrape asks the server's parts.
func (s *Server) gauges() []telemetry.Gauge {
	known := func(name, help string, value func() float64) telemetry.Gauge {
		return telemetry.Gauge{Name: name, Help: help, Value: func(context.Context) (float64, bool) { return value(), true }}
	}
	out := []telemetry.Gauge{
		known("keyfob_event_streams", "Streams of events that are open.", func() float64 { return float64(s.app.api.Streams()) }),
		known("keyfob_changes_age_seconds", "Age of the last reading of the store's changes; beyond 2 nothing new is handed out.", func() float64 {
			return time.Since(s.app.feed.Confirmed()).Seconds()
		}),
		known("keyfob_store_unwritable", "1 while the store cannot be written.", func() float64 {
			return truth(s.writes.state(time.Now()) != nil)
		}),
		known("keyfob_audit_unsigned_entries", "Entries of the audit trail that no checkpoint covers yet.", func() float64 {
			return float64(s.app.guard.Trail().Unsigned)
		}),
		known("keyfob_audit_failing", "1 while the audit trail cannot be signed or copied.", func() float64 {
			return truth(s.app.guard.Trail().Err != nil)
		}),
		{Name: "keyfob_workspaces_live", Help: "Workspaces that have not ended.", Value: s.liveWorkspaces},
	}
	if s.settings.AuditSink != "" {
		out = append(out, known("keyfob_audit_sink_unsent_entries", "Entries of the audit trail that the sink lacks.", func() float64 {
			return float64(s.app.guard.Trail().Unsent)
		}))
	}
	if s.cert != nil {
		out = append(out, known("keyfob_tls_certificate_seconds", "Time until the TLS certificate in use ends.", func() float64 {
			return time.Until(s.cert.NotAfter()).Seconds()
		}))
	}
	return out
}

func (s *Server) liveWorkspaces(ctx context.Context) (float64, bool) {
	var n int
	err := s.app.store.View(ctx, func(tx store.Tx) (err error) {
		n, err = tx.Workspaces().CountLive(ctx, core.Owner{})
		return err
	})
	return float64(n), err == nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// observed counts and traces one request through the gateway.
func (s *Server) observed(ctx context.Context, o gateway.Observation) {
	e := telemetry.Exchange{Provider: o.Provider, Status: o.Status, Local: o.Local, Headers: o.Wait, Took: o.Took, Rotations: o.Rotations}
	s.metrics.Gateway(e)
	s.tracing.Exchanged(ctx, e, o.Account)
}

// metricsOnly is what the metrics' own port answers.
func (s *Server) metricsOnly() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.Handle("GET /healthz", http.HandlerFunc(live))
	mux.Handle("GET /readyz", http.HandlerFunc(s.answerReady))
	return mux
}
