package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/internal/httpapi"
	"keyfob/internal/listen"
	"keyfob/internal/secret"
)

// usageEvery is how often counts are made durable.
const usageEvery = 5 * time.Second

// Probe implements account.Prober by the broker, which is made when it is
// first needed.
func (a *App) Probe(ctx context.Context, acct core.Account, cred secret.Secret) (int, http.Header, []byte, error) {
	b, err := a.broker()
	if err != nil {
		return 0, nil, nil, err
	}
	return b.Probe(ctx, acct, cred)
}

func (a *App) broker() (*broker.Broker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.brk != nil {
		return a.brk, nil
	}
	b, err := broker.New(broker.Config{
		Store: a.store, Keys: a.keys, Providers: a.reg, Usage: a.counter, Feed: a.feed,
		CAFile: a.config.CAFile, Environ: a.config.Environ, Upstreams: a.upstreams, Grace: a.grace, Cooled: a.cooled, Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	a.brk = b
	return b, nil
}

// Serve listens on a free port of 127.0.0.1 for one workspace's process: the
// routes of a session key and, if asked for, the gateway. It gives the base URL
// and ends with Close.
func (a *App) Serve(ctx context.Context, withGateway bool) (string, error) {
	nothing := httpapi.LocalOnly(http.NotFoundHandler())
	h := listener{workspace: httpapi.LocalOnly(a.inside()), gateway: nothing, other: nothing}
	if withGateway {
		b, err := a.broker()
		if err != nil {
			return "", err
		}
		a.onClose(b.Close)
		h.gateway = a.started(ctx, gateway.New(gateway.Config{Broker: b, Log: a.log}),
			b.Run, a.follow, func(ctx context.Context) error { return a.counter.Run(ctx, usageEvery) })
	}
	return a.listen(ctx, h)
}

// listener shares one port between the workspace's routes and the gateway. It is
// no ServeMux, which answers a path that is not written in the shortest way with
// a redirect, before anything else looks at the request.
type listener struct{ workspace, gateway, other http.Handler }

// ServeHTTP implements http.Handler.
func (l listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/p/"):
		l.gateway.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/v1/workspace/"):
		l.workspace.ServeHTTP(w, r)
	default:
		l.other.ServeHTTP(w, r)
	}
}

func (a *App) listen(ctx context.Context, h http.Handler) (string, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // it takes longer, and there is one path to loopback
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", core.Errorf(core.Unavailable, "no port of 127.0.0.1 can be listened on").WithHint("is the loopback interface up?").Wrap(err)
	}
	srv := &http.Server{
		Handler: listen.Bounded(h), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			a.log.LogAttrs(ctx, slog.LevelError, "listener ended", slog.String("cause", err.Error()))
		}
	}()
	a.onClose(func(context.Context) error {
		err := srv.Close() // the child that it served is gone
		<-done
		return err
	})
	return "http://" + ln.Addr().String(), nil
}

// started runs what h needs from its first request on until Close, which waits
// for it: most commands never ask the gateway, and start the sooner.
func (a *App) started(ctx context.Context, h http.Handler, needs ...func(context.Context) error) http.Handler {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var mu sync.Mutex // guards begun and the launching
	begun := false
	done := make(chan error, len(needs))
	a.onClose(func(context.Context) error {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		var errs []error
		for range cap(done) {
			if begun {
				errs = append(errs, withoutCanceled(<-done))
			}
		}
		return errors.Join(errs...)
	})
	begin := sync.OnceFunc(func() {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return // closed already
		}
		begun = true
		for _, need := range needs {
			go func() { done <- need(ctx) }()
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin()
		h.ServeHTTP(w, r)
	})
}

func withoutCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// onClose puts fn before what Close does already.
func (a *App) onClose(fn func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stops = append([]func(context.Context) error{fn}, a.stops...)
}
