package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"time"
)

// client sends one prepared request again and again over one connection. It
// does as little as it can, so that what stands in between shows.
type client struct {
	host   string
	conn   net.Conn
	in     *bufio.Reader
	raw    []byte
	failed int
}

func dial(ctx context.Context, w way, l load) (*client, error) {
	u, err := url.Parse(w.base + l.path)
	if err != nil {
		return nil, err
	}
	raw := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\nAnthropic-Version: 2023-06-01\r\nUser-Agent: bench/1\r\n"+
		"Accept: application/json\r\nContent-Type: application/json\r\nX-Stainless-Lang: js\r\nX-Stainless-Os: Linux\r\nContent-Length: %d\r\n\r\n%s",
		u.RequestURI(), u.Host, w.key, len(l.body), l.body)
	c := &client{host: u.Host, raw: []byte(raw)}
	return c, c.connect(ctx)
}

func (c *client) connect(ctx context.Context) (err error) {
	var d net.Dialer
	if c.conn, err = d.DialContext(ctx, "tcp", c.host); err == nil {
		c.in = bufio.NewReaderSize(c.conn, 32<<10)
	}
	return err
}

func (c *client) close() { _ = c.conn.Close() }

// mostFailed is how many requests of one client of one round may fail.
const mostFailed = 20

// send sends until an answer is whole. A failed request is counted: the bare
// proxy cuts a stream now and then, when the server before it closes a request's
// body that its transport still looks at for more.
func (c *client) send(ctx context.Context) (first, body, end time.Duration, err error) {
	for {
		if first, body, end, err = c.once(); err == nil || ctx.Err() != nil || c.failed >= mostFailed {
			return first, body, end, err
		}
		c.failed++
		c.close()
		if err := c.connect(ctx); err != nil {
			return 0, 0, 0, err
		}
	}
}

// once sends the request and gives when the answer's first byte, the first of
// its body and its end came.
func (c *client) once() (first, body, end time.Duration, err error) {
	start := time.Now()
	if _, err = c.conn.Write(c.raw); err != nil {
		return 0, 0, 0, err
	}
	if _, err = c.in.Peek(1); err != nil {
		return 0, 0, 0, err
	}
	first = time.Since(start)
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	var one [1]byte
	if _, err = io.ReadFull(resp.Body, one[:]); err != nil {
		return 0, 0, 0, err
	}
	body = time.Since(start)
	if _, err = io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return first, body, time.Since(start), err
}

// round is what one round measured.
type round struct {
	perSecond                float64
	allocs                   float64       // per request, of the whole process
	cpu                      time.Duration // per request, of the whole process; 0 where it is not known
	failed                   int
	first, body, median, p99 time.Duration
}

func measure(ctx context.Context, w way, l load, o options) (round, error) {
	var r round
	if err := throughput(ctx, w, l, o, &r); err != nil {
		return r, fmt.Errorf("%s: %w", w.name, err)
	}
	if err := latency(ctx, w, l, o.requests/4, &r); err != nil {
		return r, fmt.Errorf("%s: %w", w.name, err)
	}
	return r, nil
}

// throughput keeps a fixed number of clients busy.
func throughput(ctx context.Context, w way, l load, o options, r *round) error {
	clients := make([]*client, o.clients)
	for i := range clients {
		c, err := dial(ctx, w, l)
		if err != nil {
			return err
		}
		defer c.close()
		if _, _, _, err := c.send(ctx); err != nil {
			return err
		}
		clients[i] = c
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, spent, each := time.Now(), cpuTime(), o.requests/o.clients
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for range each {
				if _, _, _, errs[i] = c.send(ctx); errs[i] != nil || ctx.Err() != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	spent = cpuTime() - spent
	runtime.ReadMemStats(&after)
	n := float64(each * len(clients))
	for _, c := range clients {
		r.failed += c.failed
	}
	r.cpu = spent / time.Duration(each*len(clients))
	r.perSecond, r.allocs = n/took.Seconds(), float64(after.Mallocs-before.Mallocs)/n
	return errors.Join(append(errs, ctx.Err())...)
}

// latency sends one request after another.
func latency(ctx context.Context, w way, l load, n int, r *round) error {
	c, err := dial(ctx, w, l)
	if err != nil {
		return err
	}
	defer c.close()
	var firsts, bodies, ends []time.Duration
	for range max(n, 1) {
		first, body, end, err := c.send(ctx)
		if err != nil {
			return err
		}
		firsts, bodies, ends = append(firsts, first), append(bodies, body), append(ends, end)
	}
	r.failed += c.failed
	r.first, r.body, r.median, r.p99 = at(firsts, 50), at(bodies, 50), at(ends, 50), at(ends, 99)
	return ctx.Err()
}

// at is a percentile.
func at[T time.Duration | float64](v []T, percent int) T {
	v = slices.Sorted(slices.Values(v))
	return v[min(len(v)-1, len(v)*percent/100)]
}
