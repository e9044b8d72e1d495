package failover_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"keyfob/failover"
)

// Two accounts, the first of which is over its limit: the caller sees one
// answer.
func Example() {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-Api-Key") == "key of work" {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer upstream.Close()

	pool := failover.NewPool(failover.Options{})
	pool.Load([]failover.Member{{ID: "work"}, {ID: "personal"}}, nil)
	base := failover.NewBase(nil, nil)
	defer base.CloseIdleConnections()
	transport := &failover.Transport{
		Base: base,
		Pool: pool,
		Apply: func(_ context.Context, q *http.Request, id string) error {
			u, err := url.Parse(upstream.URL)
			if err != nil {
				return err
			}
			q.URL.Scheme, q.URL.Host = u.Scheme, u.Host
			q.Header.Set("X-Api-Key", "key of "+id)
			return nil
		},
		Classify: func(status int, h http.Header, _ []byte) failover.Verdict {
			if status != http.StatusTooManyRequests {
				return failover.Verdict{}
			}
			until, _ := failover.RetryAfter(h, time.Now())
			return failover.Verdict{Kind: failover.Limited, Scope: failover.Model, Until: until, Reason: "rate limit", EffectFree: true}
		},
		Observe: func(a failover.Attempt) { fmt.Println(a.N, a.ID, a.Status, a.Verdict.Kind) },
	}

	req, _ := http.NewRequest(http.MethodPost, "http://pool.invalid/v1/messages", strings.NewReader("{}"))
	resp, err := transport.Do(req, failover.Query{Model: "large"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body))
	// Output:
	// 1 work 429 limited
	// 2 personal 200 ok
	// 200 hello
}
