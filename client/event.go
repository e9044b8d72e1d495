package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keyfob/api"
)

const (
	maxEventLine = 1 << 20          // bytes of one line of a stream
	maxPause     = 30 * time.Second // before a stream that broke is asked for again
	silence      = time.Minute      // after which a stream counts as broken: the server says something each 15 s
)

// stream opens an answer that is read as it comes; its body is the caller's to
// close. An answer that is an error is an error.
func (w *wire) stream(ctx context.Context, r request) (*http.Response, error) {
	for n := 1; ; n++ {
		resp, fresh, err := w.open(ctx, r)
		if err == nil && resp.StatusCode < 300 {
			return resp, nil
		}
		if err == nil {
			b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			_ = resp.Body.Close()
			err = errorOf(resp, b)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		wait, again := again(r, n, fresh, err)
		if !again {
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (w *wire) overOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return w.unreachable(err)
}

// Events are the changes of the user's records from now on, or after the event
// with the id after, as they come. A stream that breaks once it was there is
// resumed where it was, for as long as ctx lasts; an event of kind "reset" says
// that some were missed. An error is the last pair: the server cannot be reached
// at first, or refuses.
func (c *Client) Events(ctx context.Context, after string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		s := eventStream{c: c, last: after, yield: yield}
		for wait := firstPause; ; wait = min(2*wait, maxPause) {
			had := s.last
			err := s.run(ctx)
			switch {
			case s.stopped:
				return
			case ctx.Err() != nil:
				yield(api.Event{}, ctx.Err())
				return
			case !s.resumable(err):
				yield(api.Event{}, err)
				return
			}
			if s.last != had {
				wait = firstPause
			}
			if sleep(ctx, wait/2+rand.N(wait/2)) != nil {
				yield(api.Event{}, ctx.Err())
				return
			}
		}
	}
}

type eventStream struct {
	c       *Client
	last    string
	began   bool // there was a stream once
	stopped bool // the caller wants no more
	yield   func(api.Event, error) bool
}

// resumable: a stream that ended or broke is; a refusal is not, unless the
// server is away for a while.
func (s *eventStream) resumable(err error) bool {
	if err == nil {
		return true
	}
	return s.began && errors.Is(err, &api.Error{Code: api.CodeUnavailable})
}

// run reads one stream to its end.
func (s *eventStream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path := "/v1/events"
	if s.last != "" {
		path += "?" + url.Values{"after": {s.last}}.Encode()
	}
	resp, err := s.c.stream(ctx, request{method: http.MethodGet, path: path, safe: true})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	s.began = true
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()
	err = readEvents(resp.Body, func() { watch.Reset(silence) }, s.take)
	if s.stopped {
		return nil
	}
	if err != nil {
		return s.c.unreachable(err)
	}
	return nil
}

func (s *eventStream) take(id, data string) bool {
	var e api.Event
	if json.Unmarshal([]byte(data), &e) != nil {
		return true // of a newer server
	}
	if id != "" {
		s.last = id
	}
	s.stopped = !s.yield(e, nil)
	return !s.stopped
}

// readEvents reads a stream of server-sent events (WHATWG HTML, 9.2) and hands
// on each one that has data, until take says that it is enough. alive is told of
// each line, comments too.
func readEvents(r io.Reader, alive func(), take func(id, data string) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxEventLine)
	var id string
	var data []string
	for lines.Scan() {
		alive()
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			if len(data) > 0 && !take(id, strings.Join(data, "\n")) {
				return nil
			}
			data = nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			if !strings.ContainsRune(value, 0) {
				id = value
			}
		case "data":
			data = append(data, value)
		}
	}
	return lines.Err()
}
