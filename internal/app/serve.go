package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/internal/httpapi"
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
		CAFile: a.config.CAFile, Environ: a.config.Environ, Log: a.log,
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
	h := listener{workspace: httpapi.LocalOnly(a.api.Workspace()), gateway: nothing, other: nothing}
	if withGateway {
		b, err := a.broker()
		if err != nil {
			return "", err
		}
		h.gateway = gateway.New(gateway.Config{Broker: b, Log: a.log})
		a.background(ctx, b.Run)
		a.background(ctx, a.feed.Run)
		a.background(ctx, func(ctx context.Context) error { return a.counter.Run(ctx, usageEvery) })
		a.onClose(b.Close)
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
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", core.Errorf(core.Unavailable, "no port of 127.0.0.1 can be listened on").WithHint("is the loopback interface up?").Wrap(err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
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

// background runs fn until Close, which waits for it.
func (a *App) background(ctx context.Context, fn func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	a.onClose(func(context.Context) error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
}

// onClose puts fn before what Close does already.
func (a *App) onClose(fn func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stops = append([]func(context.Context) error{fn}, a.stops...)
}
