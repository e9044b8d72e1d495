package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/listen"
)

// sweepEvery is how often workspaces whose time is over are ended in the store;
// their keys are worth nothing from that very time on.
const sweepEvery = 15 * time.Second

// Run answers until ctx ends, then finishes what is in flight and gives nil:
// first /readyz fails, then streams of events end and no connection is taken any
// more, then requests have the settings' Drain. A port of the metrics' own answers
// until then. Hurry cuts that short. ready is
// told once, when requests are answered. Call it once.
func (s *Server) Run(ctx context.Context, ready func(Ready)) error {
	background, stop := s.start(context.WithoutCancel(ctx))
	defer stop()
	if err := s.await(ctx); err != nil {
		return err
	}
	fell, fall := context.WithCancel(ctx)
	defer fall()
	var ends []func() error
	for _, one := range s.servers() {
		ends = append(ends, s.begin(ctx, one, fall))
	}
	links, err := s.links(ctx)
	if err == nil {
		s.logServing(ctx)
		s.warnRefused(ctx)
		ready(links)
		s.wait(ctx, fell)
	}
	s.app.api.EndStreams()
	for _, end := range ends { // the main one first: the other tells how that goes
		err = errors.Join(err, end())
	}
	stop()
	<-background
	s.forgetRunning()
	s.log.LogAttrs(ctx, slog.LevelInfo, "ended")
	return err
}

func (s *Server) logServing(ctx context.Context) {
	attrs := []slog.Attr{slog.String("url", s.url), slog.String("version", Version())}
	if at := s.metricsURL(); at != "" {
		attrs = append(attrs, slog.String("metrics", at))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "serving", attrs...)
}

// begin has one answer until what it gives is called, which has the error of all
// that. fall is called when it ends, for whatever reason.
func (s *Server) begin(ctx context.Context, one *listen.Server, fall func()) (end func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer fall()
		ended <- one.Run(ctx, s.settings.Drain, s.hurry)
	}()
	return func() error { cancel(); return <-ended }
}

// wait is over when ctx ends, or fell because a listener ended on its own. Between
// the two the server says for a while that it is going, for whoever asks /readyz.
func (s *Server) wait(ctx, fell context.Context) {
	if <-fell.Done(); ctx.Err() == nil {
		return
	}
	s.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "draining")
	s.routes.draining.Store(true)
	select {
	case <-time.After(s.settings.DrainDelay):
	case <-s.hurry:
	}
}

// Hurry ends a Run that is draining at once.
func (s *Server) Hurry() { s.hurried() }

// Reload reads the files of TLS anew.
func (s *Server) Reload(ctx context.Context) {
	if s.cert != nil {
		s.cert.Reload(ctx, true)
	}
	if s.authorities != nil {
		s.authorities.Reload(ctx, true)
	}
}

func (s *Server) servers() []*listen.Server {
	out := []*listen.Server{{
		Listener: s.main, TLS: s.tls(), Handler: s.tracing.Handler(s.routes), Log: s.log,
		Connections: s.settings.MaxConnections, Idle: s.settings.IdleTime,
	}}
	if s.scrape != nil {
		out = append(out, &listen.Server{Listener: s.scrape, Handler: listen.Brief(s.metricsOnly()), Log: s.log, Connections: 64})
	}
	return out
}

// start runs what works in the background. The channel is closed when all of it
// has ended, which stop asks for.
func (s *Server) start(ctx context.Context) (<-chan struct{}, func()) {
	ctx, stop := context.WithCancel(ctx)
	a := s.app
	s.writes.said(time.Now(), nil)
	tasks := map[string]func(context.Context) error{
		"changes": a.follow, "broker": a.brk.Run, "identity": s.identity.Run, "trail": a.guard.Run, "sweep": s.sweep,
		"writes": s.watchWrites,
		"usage":  func(ctx context.Context) error { return a.counter.Run(ctx, usageEvery) },
	}
	if s.cert != nil {
		tasks["certificate"] = s.cert.Run
	}
	if s.authorities != nil {
		tasks["authorities"] = s.authorities.Run
	}
	var wg sync.WaitGroup
	for name, task := range tasks {
		wg.Go(func() {
			if err := withoutCanceled(task(ctx)); err != nil {
				s.log.LogAttrs(ctx, slog.LevelError, "a background task ended", slog.String("task", name), slog.String("cause", err.Error()))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	return done, func() { stop(); <-done }
}

// startWithin is how long the first reading of changes may take. It is for a store
// that is away: on a busy machine a reading may well take seconds.
const startWithin = 30 * time.Second

// await waits until the store was read once: before that nothing could be
// answered.
func (s *Server) await(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(startWithin)
	for s.confirmed() != nil {
		if time.Now().After(end) {
			return core.Errorf(core.Unavailable, "the server does not begin: in %v its database could not be read", startWithin).
				WithReason(api.ReasonUnconfirmed).WithHint("see whether the disk answers; keyfob doctor says more").Wrap(s.app.feed.Err())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// sweep ends workspaces whose time is over, until ctx ends.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if _, err := s.app.ws.SweepExpired(ctx); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "workspaces could not be swept", slog.String("cause", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
