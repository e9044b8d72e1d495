package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/event"
	"keyfob/internal/guard"
)

const (
	usualStreams = 10               // of one user at once
	heartbeat    = 15 * time.Second // a stream says something at least so often
	eventTime    = 30 * time.Second // for a part of a stream to be taken
)

func (s *Server) eventRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/events", ID: "followEvents", Tag: "events", Summary: "What changes, as it changes (server-sent events)",
			Text: "Each event's data is an Event in JSON, of a kind of record that the proof may read. What the organisation has for other users alone is left out, or comes without its id where it was changed. Last-Event-ID, or after, goes on after an event; an event of kind reset says that some were missed. " +
				"A comment comes each 15 seconds. The stream ends once the proof is not good any more.",
			Who: Users, Acts: []string{guard.EventsRead}, Status: http.StatusOK, Type: "text/event-stream", Stream: true,
			Query: []Param{{Name: "after", Text: "the id of the last event that was seen"}},
			Also:  []int{http.StatusTooManyRequests}, typed: writes(s.follow)},
	}
}

// streams counts those that are open, by user.
type streams struct {
	mu    sync.Mutex // guards what is below
	open  map[string]int
	ended chan struct{} // closed when all are to end
	over  bool
}

func newStreams() *streams { return &streams{open: map[string]int{}, ended: make(chan struct{})} }

// enter counts one more of this user, until leave.
func (t *streams) enter(user string, most int) (leave func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
		e := core.Errorf(core.Unavailable, "the server is ending").WithReason(reasonDraining).WithHint("try again soon")
		e.RetryAfter = time.Second
		return nil, e
	case t.open[user] >= most:
		e := core.Errorf(core.Exhausted, "%d streams of this user are open already", most).WithReason(reasonManyStreams).WithHint("close one of them")
		e.RetryAfter = heartbeat
		return nil, e
	}
	t.open[user]++
	return func() { t.leave(user) }, nil
}

func (t *streams) leave(user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[user]--; t.open[user] == 0 {
		delete(t.open, user)
	}
}

// endsWith calls cancel when all streams are to end.
func (t *streams) endsWith(ctx context.Context, cancel func()) {
	go func() {
		select {
		case <-t.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
}

// EndStreams ends every stream of events, and refuses new ones from then on: it
// is for a server that ends.
func (s *Server) EndStreams() {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	if !s.streams.over {
		s.streams.over = true
		close(s.streams.ended)
	}
}

// Streams is how many streams of events are open.
func (s *Server) Streams() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	n := 0
	for _, open := range s.streams.open {
		n += open
	}
	return n
}

// follow writes events until the client goes, the server ends or the proof is
// not good any more.
func (s *Server) follow(ctx context.Context, c *call) error {
	if s.Events == nil {
		return core.Errorf(core.NotFound, "nobody follows changes here").WithReason(reasonServerOnly).WithHint("keyfob serve does")
	}
	after, err := afterOf(c)
	if err != nil {
		return err
	}
	most := s.MaxStreams
	if most <= 0 {
		most = usualStreams
	}
	leave, err := s.streams.enter(c.actor.String(), most)
	if err != nil {
		return err
	}
	defer leave()
	stream, err := s.Events.Follow(ctx, c.actor, after)
	if err != nil {
		return err
	}
	defer stream.Close()
	ctx, cancel, err := s.untilOver(ctx, c)
	if err != nil {
		return err
	}
	defer cancel()
	s.streams.endsWith(ctx, cancel)
	plain(c.w.Header())
	c.status = http.StatusOK
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("X-Accel-Buffering", "no") // a proxy in between passes it on at once
	if c.send(": the stream is open\n\n") != nil {
		return nil
	}
	s.pump(ctx, c, stream)
	return nil
}

// untilOver ends with the proof of whoever asks.
func (s *Server) untilOver(ctx context.Context, c *call) (context.Context, context.CancelFunc, error) {
	var end time.Time
	var err error
	if s.Identity != nil && c.remote {
		end, err = s.Identity.Until(ctx, c.actor)
	}
	if err != nil {
		return ctx, nil, err
	}
	if end.IsZero() {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}

// afterOf is where to go on: the header that browsers send by themselves counts
// before the parameter that they keep on sending.
func afterOf(c *call) (int64, error) {
	raw := c.r.Header.Get("Last-Event-ID")
	if raw == "" {
		raw = c.query.Get("after")
	}
	if raw == "" {
		return event.Newest, nil
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != raw {
		return 0, core.Errorf(core.Invalid, "after is no id of an event").WithField("after").WithHint("leave it out to begin with what comes next")
	}
	return n, nil
}

// pump ends without an error: the answer has begun, and whoever follows resumes.
func (s *Server) pump(ctx context.Context, c *call, stream *event.Stream) {
	for {
		quiet, cancel := context.WithTimeout(ctx, heartbeat)
		events, err := stream.Next(quiet)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			if c.again(ctx) != nil || c.send(": still here\n\n") != nil {
				return
			}
			continue
		case err != nil:
			return
		}
		if stream.Doubtful() && c.again(ctx) != nil {
			return
		}
		for _, e := range events {
			if c.sendEvent(e) != nil {
				return
			}
		}
	}
}

func (c *call) sendEvent(e event.Event) error {
	id := strconv.FormatInt(e.Seq, 10)
	b, err := json.Marshal(api.Event{ID: id, Kind: e.Kind, Org: e.Org, Record: e.Record})
	if err != nil {
		return err
	}
	return c.send("id: " + id + "\nevent: " + e.Kind + "\ndata: " + string(b) + "\n\n")
}

// send writes a part of a stream and sees it off.
func (c *call) send(text string) error {
	rc := http.NewResponseController(c.w)
	_ = rc.SetWriteDeadline(time.Now().Add(eventTime)) // not in process
	if _, err := io.WriteString(c.w, text); err != nil {
		return err
	}
	err := rc.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
