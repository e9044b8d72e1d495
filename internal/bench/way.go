package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"keyfob/internal/broker/brokertest"
	"keyfob/internal/gateway"
	"keyfob/internal/workspace"
)

// way is one way to the upstream.
type way struct {
	name string
	base string
	key  string
}

// ways starts the upstream and what stands before it. The gateway has
// everything on: a vault in a directory, two accounts, audit, usage, its log.
func ways(ctx context.Context) (ws []way, stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for i := len(stops) - 1; i >= 0; i-- {
			errs = append(errs, stops[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	listen := func(h http.Handler) (string, error) {
		base, end, err := serve(h)
		if err == nil {
			stops = append(stops, func() error { end(); return nil })
		}
		return base, err
	}
	up, err := listen(http.HandlerFunc(upstream))
	if err != nil {
		return nil, stop, err
	}
	proxy, err := bare(up)
	if err != nil {
		return nil, stop, err
	}
	bareBase, err := listen(proxy)
	if err != nil {
		return nil, stop, err
	}
	gw, key, end, err := keyfob(ctx, up)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, end)
	base, err := listen(gw)
	return []way{{"direct", up, "k"}, {"bare ReverseProxy", bareBase, "k"}, {"gateway", base + "/p/anthropic/default", key}}, stop, err
}

func keyfob(ctx context.Context, up string) (gw http.Handler, key string, end func() error, err error) {
	dir, err := os.MkdirTemp("", "keyfob-bench-*")
	if err != nil {
		return nil, "", nil, err
	}
	end = func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			err = errors.Join(err, end())
		}
	}()
	f, err := os.OpenFile(filepath.Join(dir, "keyfob.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, "", nil, err
	}
	log := slog.New(slog.NewJSONHandler(f, nil))
	h, err := brokertest.Open(ctx, dir, brokertest.Options{Log: log})
	if err != nil {
		return nil, "", nil, errors.Join(err, f.Close())
	}
	end = closeAll(h.Close, f.Close, end)
	for _, label := range []string{"work", "personal"} {
		if _, err = h.Account(ctx, "anthropic", label, "sk-bench-"+label+"-0123456789", up); err != nil {
			return nil, "", nil, err
		}
	}
	_, key, err = h.Workspace(ctx, workspace.Spec{})
	return gateway.New(gateway.Config{Broker: h.Broker, Log: log}), key, end, err
}

func closeAll(cs ...func() error) func() error {
	return func() error {
		var errs []error
		for _, c := range cs {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
}
