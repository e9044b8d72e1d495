package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// gatewayTables measures each load over each way, prints a table of each and
// gives the gateway's ratios.
func gatewayTables(ctx context.Context, out io.Writer, o options) (all []ratio, err error) {
	ws, stop, err := ways(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for i, l := range loads() {
		if o.only != 0 && o.only != i+1 {
			continue
		}
		results := make([][]round, len(ws))
		for i := range o.rounds + 1 {
			for j, w := range ws {
				r, err := measure(ctx, w, l, o)
				if err != nil {
					return nil, err
				}
				if i > 0 { // the first warms up
					results[j] = append(results[j], r)
				}
			}
		}
		printTable(out, l, ws, results, o)
		all = append(all, gatewayRatios(l, results)...)
	}
	return all, nil
}

func printTable(out io.Writer, l load, ws []way, results [][]round, o options) {
	_, _ = fmt.Fprintf(out, "### %s\n\nMedians of %d rounds of %d requests by %d clients at once; times by one client, the added ones over direct.\n\n",
		l.name, o.rounds, o.requests, o.clients)
	_, _ = fmt.Fprintln(out, "| way | requests/s | of the bare proxy | added median | added p99 | first byte | first of the body | allocations/request over direct | processor/request over direct | failed |")
	_, _ = fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for j, w := range ws {
		ratio := paired(results[j], results[1], func(a, b round) float64 { return a.perSecond / b.perSecond })
		_, _ = fmt.Fprintf(out, "| %s | %.0f | %.2f | %s | %s | %s | %s | %.0f | %s | %d |\n", w.name,
			of(results[j], func(r round) float64 { return r.perSecond }), ratio,
			micro(paired(results[j], results[0], func(a, b round) float64 { return float64(a.median - b.median) })),
			micro(paired(results[j], results[0], func(a, b round) float64 { return float64(a.p99 - b.p99) })),
			micro(of(results[j], func(r round) float64 { return float64(r.first) })),
			micro(of(results[j], func(r round) float64 { return float64(r.body) })),
			paired(results[j], results[0], func(a, b round) float64 { return a.allocs - b.allocs }),
			micro(paired(results[j], results[0], func(a, b round) float64 { return float64(a.cpu - b.cpu) })), failures(results[j]))
	}
	_, _ = fmt.Fprintln(out)
}

func failures(rs []round) (n int) {
	for _, r := range rs {
		n += r.failed
	}
	return n
}

// of is the median of a figure over the rounds.
func of(rs []round, f func(round) float64) float64 {
	return paired(rs, rs, func(a, _ round) float64 { return f(a) })
}

// paired is the median of what two ways of the same round have between them.
func paired(a, b []round, f func(a, b round) float64) float64 {
	var v []float64
	for i := range a {
		v = append(v, f(a[i], b[i]))
	}
	return at(v, 50)
}

func micro(ns float64) string { return fmt.Sprintf("%.0f µs", ns/float64(time.Microsecond)) }
