package main

import (
	"testing"
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
	for _, w := range ws {
		for _, l := range loads() {
			if _, err := measure(t.Context(), w, l, options{requests: 8, clients: 2}); err != nil {
				t.Errorf("%s: %v", l.name, err)
			}
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
