// Command bench measures what Keyfob costs, in one run on one machine: the
// gateway beside a bare httputil.ReverseProxy and no proxy at all, before the
// same upstream; "keyfob run -- true" beside "true"; and what a server does for
// a crowd of users beside a bare reading of the same rows. It prints a Markdown
// table of each, and at the end one of all ratios.
//
// Client, upstream, proxy and gateway share one process and its processors, so
// only the ratios mean something. Rounds of the three are interleaved, and the
// median of the rounds is shown, since a machine is rarely idle.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	var o options
	flag.IntVar(&o.requests, "requests", 4000, "requests of one round, of each way")
	flag.IntVar(&o.rounds, "rounds", 7, "rounds")
	flag.IntVar(&o.clients, "clients", 16, "clients at once, where requests per second are measured")
	flag.IntVar(&o.runs, "runs", 25, "runs of keyfob run -- true; 0: none")
	flag.IntVar(&o.users, "users", 1000, "users of the crowd, with 100 secrets and 10 workspaces each; 0: no crowd")
	flag.IntVar(&o.only, "only", 0, "the one load to measure, from 1; 0: all")
	profile := flag.String("cpuprofile", "", "where to write a CPU profile; empty: none")
	keyfob := flag.String("keyfob", "", "the keyfob binary; empty: it is built")
	flag.Parse()
	var ratios []ratio
	err := profiled(*profile, func() (err error) {
		ratios, err = gatewayTables(ctx, os.Stdout, o)
		return err
	})
	if err != nil {
		return err
	}
	if o.runs > 0 {
		r, err := runTable(ctx, os.Stdout, *keyfob, o.runs)
		if err != nil {
			return err
		}
		ratios = append(ratios, r)
	}
	if o.users > 0 {
		r, err := scaleTable(ctx, os.Stdout, size{o.users, 100, 10 * o.users}, 1000)
		if err != nil {
			return err
		}
		ratios = append(ratios, r...)
	}
	printRatios(os.Stdout, ratios)
	return nil
}

func profiled(path string, fn func() error) error {
	if path == "" {
		return fn()
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = fn()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

type options struct{ requests, rounds, clients, runs, only, users int }
