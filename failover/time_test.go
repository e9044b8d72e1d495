package failover_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/failover"
)

// timed is a Transport over an upstream in memory, so that its time is the
// bubble's.
func timed(p *failover.Pool, upstream func(id string, q *http.Request) *http.Response) *failover.Transport {
	return &failover.Transport{
		Pool: p, Classify: classify, Event: event, Apply: applyTo(func(id string) string { return "http://" + id }),
		Base: roundTrip(func(q *http.Request) (*http.Response, error) {
			resp := upstream(q.URL.Host, q)
			if resp == nil {
				<-q.Context().Done()
				return nil, q.Context().Err()
			}
			return resp, nil
		}),
	}
}

func canned(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

// part is what a stream writes, and how long after the part before.
type part struct {
	after time.Duration
	text  string
}

// streaming answers with the parts, then ends with err (nil: well).
func streaming(err error, parts ...part) *http.Response {
	r, w := io.Pipe()
	body := pipeBody{r, make(chan struct{})}
	go func() {
		for _, p := range parts {
			select {
			case <-time.After(p.after):
			case <-body.closed:
				return
			}
			if _, err := io.WriteString(w, p.text); err != nil {
				return
			}
		}
		_ = w.CloseWithError(err)
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, ContentLength: -1}
}

// pipeBody ends its writer when it is closed, once.
type pipeBody struct {
	*io.PipeReader
	closed chan struct{}
}

func (b pipeBody) Close() error {
	close(b.closed)
	return b.PipeReader.Close()
}

const start = "event: message_start\ndata: {}\n\n"

func TestHoldEnds(t *testing.T) {
	ping := "event: ping\ndata: {}\n\n"
	comment := ": " + strings.Repeat("c", 1022) + "\n"
	many := make([]part, 100)
	for i := range many {
		many[i].text = comment
	}
	for name, c := range map[string]struct {
		parts []part
		want  time.Duration
	}{
		"with the first real event":  {[]part{{0, start}, {100 * time.Millisecond, "data: x\n\n"}, {time.Hour, "data: y\n\n"}}, 100 * time.Millisecond},
		"500 ms after the headers":   {[]part{{0, start}, {time.Second, ping}, {time.Second, "data: x\n\n"}}, 500 * time.Millisecond},
		"with an event cut in two":   {[]part{{0, "da"}, {time.Millisecond, "ta: x\r"}, {time.Millisecond, "\n\r"}, {time.Minute, "\n"}}, 2 * time.Millisecond},
		"at 64 KiB":                  {append(many, part{time.Hour, "data: x\n\n"}), 0},
		"with the end of the stream": {[]part{{0, start}, {30 * time.Millisecond, ""}}, 30 * time.Millisecond},
		"500 ms after no byte":       {[]part{{time.Minute, start + "data: {\"type\":\"overloaded\"}\n\n"}}, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := timed(pool("a", "b"), func(string, *http.Request) *http.Response { return streaming(nil, c.parts...) })
				begin := time.Now()
				resp, err := tr.Do(post("x"), failover.Query{})
				if err != nil {
					t.Fatal(err)
				}
				expect(t, "handed on after", time.Since(begin), c.want)
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				var all strings.Builder
				for _, p := range c.parts {
					all.WriteString(p.text)
				}
				expect(t, "bytes unchanged", string(b) == all.String(), true)
				_ = resp.Body.Close()
			})
		})
	}
}

func TestCloseDuringHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := timed(pool("a"), func(string, *http.Request) *http.Response {
			return streaming(nil, part{0, start}, part{time.Hour, "x"})
		})
		resp, err := tr.Do(post("x"), failover.Query{})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // the bubble fails if the Read under way stays
	})
}

func TestCancelDuringHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool("a", "b")
		tr := timed(p, func(string, *http.Request) *http.Response {
			return streaming(nil, part{0, start}, part{time.Hour, "x"})
		})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := tr.Do(post("x").WithContext(ctx), failover.Query{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: got %v", err)
		}
		expect(t, "held against anybody", len(p.Health(time.Now())), 0)
	})
}

func TestStreamDiesDuringHold(t *testing.T) {
	for _, allow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			broke := errors.New("connection reset")
			tr := timed(pool("a", "b"), func(id string, _ *http.Request) *http.Response {
				if id == "a" {
					return streaming(broke, part{0, start})
				}
				return canned(200, "b")
			})
			tr.AllowAmbiguous = allow
			resp, err := tr.Do(post("x"), failover.Query{})
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if allow {
				expect(t, "failed over", string(b), "b")
				return
			}
			expect(t, "what there is", string(b), start)
			expect(t, "its end", errors.Is(err, broke), true)
		})
	}
}

func TestRefusalThatDribbles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := timed(pool("a", "b"), func(id string, _ *http.Request) *http.Response {
			if id == "b" {
				return canned(200, "b")
			}
			resp := streaming(nil, part{0, "slow "}, part{24 * time.Hour, "down"})
			resp.StatusCode = 429
			return resp
		})
		begin := time.Now()
		_, body := do(t, tr, post("x"), failover.Query{})
		expect(t, "body", body, "b")
		expect(t, "judged after", time.Since(begin), 5*time.Second)
	})
}

// TestReturnsToTheFirst follows one account over a long limit: the probe in the
// last tenth, and home again.
func TestReturnsToTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := true
		tr := timed(pool("a", "b"), func(id string, _ *http.Request) *http.Response {
			if id == "a" && limited {
				return canned(429, "", "Retry-After", "3600")
			}
			return canned(200, id)
		})
		var tried []string
		tr.Observe = func(a failover.Attempt) { tried = append(tried, a.ID) }
		step := func(wait time.Duration, want ...string) {
			t.Helper()
			time.Sleep(wait)
			tried = nil
			do(t, tr, post("x"), failover.Query{})
			expectList(t, "tried", tried, want...)
		}
		step(0, "a", "b")
		step(53*time.Minute, "b")
		step(2*time.Minute, "a", "b") // the probe finds it limited for another hour
		step(time.Minute, "b")
		step(52*time.Minute, "b")
		limited = false
		step(2*time.Minute, "a") // the probe finds it well, before its time
		step(0, "a")
	})
}

// TestOneProbe sends ten requests at the moment a cooldown ends: one goes to
// the account that was limited, and the rest do not wait for it.
func TestOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := map[string]int{}
		tr := timed(pool("a", "b"), func(id string, _ *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			calls[id]++
			if id == "a" && calls[id] == 1 {
				return canned(429, "", "Retry-After", "60")
			}
			return canned(200, id)
		})
		do(t, tr, post("x"), failover.Query{})
		time.Sleep(time.Minute)
		slow := tr.Base
		tr.Base = roundTrip(func(q *http.Request) (*http.Response, error) { time.Sleep(time.Second); return slow.RoundTrip(q) })
		begin := time.Now()
		done := make(chan struct{})
		for range 10 {
			go func() { do(t, tr, post("x"), failover.Query{}); done <- struct{}{} }()
		}
		for range 10 {
			<-done
		}
		expect(t, "took", time.Since(begin), time.Second)
		expect(t, "a", calls["a"], 2)
		expect(t, "b", calls["b"], 10)
	})
}

func TestCancelledProbeIsFreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := false
		tr := timed(pool("a"), func(string, *http.Request) *http.Response {
			if hang {
				return nil
			}
			return canned(429, "", "Retry-After", "3600")
		})
		do(t, tr, post("x"), failover.Query{})
		time.Sleep(time.Hour)
		hang = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			time.Sleep(time.Millisecond)
			resp, _ := do(t, tr, post("x"), failover.Query{})
			expect(t, "beside the probe", resp.Header.Get("Retry-After"), "1")
		}()
		if _, err := tr.Do(post("x").WithContext(ctx), failover.Query{}); err == nil {
			t.Error("the cancelled probe gave an answer")
		}
		hang = false
		resp, _ := do(t, tr, post("x"), failover.Query{})
		expect(t, "the next probe reached upstream", resp.Header.Get("Retry-After"), "3600")
	})
}

// TestRefusalInAStreamIsCut: the stream that held the verdict is given up at
// once, and if its beginning is all the caller can get, that is a whole answer.
func TestRefusalInAStreamIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := start + "data: {\"type\":\"dead\"}\n\n"
		tr := timed(pool("a"), func(string, *http.Request) *http.Response {
			resp := streaming(nil, part{0, refusal}, part{time.Hour, "more"})
			resp.ContentLength = 1 << 20
			resp.Header.Set("Content-Length", "1048576")
			return resp
		})
		begin := time.Now()
		resp, body := do(t, tr, post("x"), failover.Query{})
		expect(t, "body", body, refusal)
		expect(t, "length", resp.ContentLength, -1)
		expect(t, "length header", resp.Header.Get("Content-Length"), "")
		expect(t, "took", time.Since(begin), 0)
	})
}
