package failover_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"keyfob/failover"
)

// BenchmarkDo is one answer through Do beside the same through the plain
// transport below it, for a short answer and for a stream that is held.
func BenchmarkDo(b *testing.B) {
	for name, h := range map[string]http.HandlerFunc{
		"answer": answer(200, "hello"),
		"stream": answer(200, start+strings.Repeat("data: token\n\n", 100), "Content-Type", "text/event-stream"),
	} {
		r := newRig(b, []string{"a"}, map[string]http.HandlerFunc{"a": h})
		r.Observe = nil
		plain := roundTrip(func(q *http.Request) (*http.Response, error) {
			if err := r.Apply(q.Context(), q, "a"); err != nil {
				return nil, err
			}
			return r.Base.RoundTrip(q)
		})
		pooled := roundTrip(func(q *http.Request) (*http.Response, error) {
			return r.Do(q, failover.Query{Model: "m", Affinity: "talk"})
		})
		for how, rt := range map[string]http.RoundTripper{"plain": plain, "failover": pooled} {
			b.Run(name+"/"+how, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					resp, err := rt.RoundTrip(post("prompt"))
					if err != nil {
						b.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
	}
}
