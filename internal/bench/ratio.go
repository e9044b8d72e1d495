package main

import (
	"fmt"
	"io"
	"math"
)

// ratio is one thing beside another: 1 is the same, of requests more is better,
// of the others less. NaN is what was not measured.
type ratio struct {
	what, beside                      string
	perSecond, median, p99, allocated float64
}

// gatewayRatios are the gateway's beside the bare proxy and beside none, each
// the median over the rounds. Results are in the order of ways.
func gatewayRatios(l load, results [][]round) []ratio {
	direct, bare, gateway := results[0], results[1], results[2]
	beside := func(name string, other []round) ratio {
		return ratio{
			what: "gateway, " + l.name, beside: name, allocated: math.NaN(),
			perSecond: paired(gateway, other, func(a, b round) float64 { return a.perSecond / b.perSecond }),
			median:    paired(gateway, other, func(a, b round) float64 { return float64(a.median) / float64(b.median) }),
			p99:       paired(gateway, other, func(a, b round) float64 { return float64(a.p99) / float64(b.p99) }),
		}
	}
	toBare := beside("a bare ReverseProxy", bare)
	over := func(way []round) float64 {
		return paired(way, direct, func(a, b round) float64 { return a.allocs - b.allocs })
	}
	toBare.allocated = over(gateway) / over(bare)
	return []ratio{toBare, beside("no proxy", direct)}
}

func printRatios(out io.Writer, all []ratio) {
	_, _ = fmt.Fprint(out, "### Ratios\n\nAllocations are those over no proxy at all.\n\n"+
		"| what | beside | requests/s | median | p99 | allocations |\n|---|---|---:|---:|---:|---:|\n")
	for _, r := range all {
		_, _ = fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.beside,
			times(r.perSecond), times(r.median), times(r.p99), times(r.allocated))
	}
	_, _ = fmt.Fprintln(out)
}

func times(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%.2f", v)
}
