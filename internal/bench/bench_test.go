package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

// BenchmarkWays is one request after another over each way, for profiles:
// go test -bench Ways/gateway -benchmem -memprofile mem.out ./internal/bench
func BenchmarkWays(b *testing.B) {
	ws, stop, err := ways(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			b.Error(err)
		}
	}()
	for _, w := range ws {
		for _, l := range loads() {
			b.Run(w.name+"/"+l.name, func(b *testing.B) {
				c, err := dial(b.Context(), w, l)
				if err != nil {
					b.Fatal(err)
				}
				defer c.close()
				b.ReportAllocs()
				for b.Loop() {
					if _, _, _, err := c.send(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The benchmark itself works: every way answers every load.
func TestWays(t *testing.T) {
	ws, stop, err := ways(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loads() {
		results := make([][]round, len(ws))
		for i, w := range ws {
			r, err := measure(t.Context(), w, l, options{requests: 8, clients: 2})
			if err != nil {
				t.Fatalf("%s: %v", l.name, err)
			}
			results[i] = []round{r}
		}
		for _, r := range gatewayRatios(l, results) {
			if r.perSecond <= 0 || r.median <= 0 || r.p99 <= 0 {
				t.Errorf("no ratios: %+v", r)
			}
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestRatios(t *testing.T) {
	of := func(perSecond, allocs float64, median time.Duration) []round {
		return []round{{perSecond: perSecond, allocs: allocs, median: median, p99: 2 * median}}
	}
	got := gatewayRatios(load{name: "x"}, [][]round{of(1000, 10, 1), of(500, 30, 2), of(400, 50, 4)})
	got = append(got, ratio{what: "run", beside: "true", perSecond: math.NaN(), median: 3, p99: 4, allocated: math.NaN()})
	var out strings.Builder
	printRatios(&out, got)
	for _, want := range []string{
		"| gateway, x | a bare ReverseProxy | 0.80 | 2.00 | 2.00 | 2.00 |\n",
		"| gateway, x | no proxy | 0.40 | 4.00 | 4.00 |  |\n",
		"| run | true |  | 3.00 | 4.00 |  |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

// The crowd works: every act is served and read.
func TestScale(t *testing.T) {
	var out strings.Builder
	all, err := scaleTable(t.Context(), &out, size{users: 20, secrets: 5, places: 40}, 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(acts())+1 {
		t.Errorf("%d ratios of %d acts", len(all), len(acts()))
	}
	for _, r := range all {
		if !(r.median > 0) && !(r.allocated > 0) {
			t.Errorf("no ratio: %+v", r)
		}
	}
}
