package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// collector implements otlptrace.Client by OTLP over HTTP, in protobuf
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp). OpenTelemetry's own
// client of that name links all of gRPC, which each command's start would pay.
//
// Its errors hold no address and nothing that the collector said.
type collector struct {
	at       string
	headers  http.Header
	compress bool
	client   *http.Client
	ended    chan struct{}
	end      func()
}

var _ otlptrace.Client = (*collector)(nil)

// Times of sending one batch again, as OpenTelemetry's own client has them.
const (
	firstPause = 5 * time.Second
	maxPause   = 30 * time.Second
	sendFor    = time.Minute
)

const protobuf = "application/x-protobuf"

// maxAnswer is how much of a collector's answer is read.
const maxAnswer = 64 << 10

func newCollector(at string, headers http.Header, compress bool, client *http.Client) *collector {
	c := &collector{at: at, headers: headers, compress: compress, client: client, ended: make(chan struct{})}
	c.end = sync.OnceFunc(func() { close(c.ended) })
	return c
}

// Start implements otlptrace.Client; it dials when there is something to send.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client: what is on its way is given up.
func (c *collector) Stop(context.Context) error {
	c.end()
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. What the collector cannot take now is
// sent again, for at most a minute.
func (c *collector) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	go func() {
		select {
		case <-c.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	body, err := c.body(spans)
	if err != nil {
		return err
	}
	for wait := firstPause; ; wait = min(wait*3/2, maxPause) {
		again, after, err := c.send(ctx, body)
		if !again || pause(ctx, max(wait, after)) != nil {
			return err
		}
	}
}

// body is the request in bytes: TracesData has the form of the service's request
// (opentelemetry/proto/trace/v1/trace.proto says so).
func (c *collector) body(spans []*otlp.ResourceSpans) ([]byte, error) {
	b, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err != nil || !c.compress {
		return b, err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err = w.Write(b)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// send tries once. It says whether to try again, and after how long at least.
func (c *collector) send(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.at, bytes.NewReader(body))
	if err != nil {
		return false, 0, errors.New("no request can be made")
	}
	req.Header = c.headers.Clone()
	req.Header.Set("Content-Type", protobuf)
	if c.compress {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		e, ok := errors.AsType[*url.Error](err)
		return ok && e.Temporary(), 0, errors.New("the collector was not reached")
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // to its end, for the connection's next use
	return verdict(resp, answer)
}

// verdict is what send says of an answer.
func verdict(resp *http.Response, answer []byte) (again bool, after time.Duration, err error) {
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return true, retryAfter(resp.Header), errors.New("the collector takes nothing now")
	case code < 200 || code > 299:
		return false, 0, errors.New("the collector refused")
	case resp.Header.Get("Content-Type") == protobuf && partial(answer):
		return false, 0, errors.New("the collector took a part")
	}
	return false, 0, nil
}

// partial says whether an ExportTraceServiceResponse tells of spans that were
// refused: its partial_success (1) says so in words, or by rejected_spans (1).
func partial(answer []byte) bool {
	for len(answer) > 0 {
		number, kind, n := protowire.ConsumeTag(answer)
		if n < 0 {
			return false
		}
		m := protowire.ConsumeFieldValue(number, kind, answer[n:])
		if m < 0 {
			return false
		}
		if inside, k := protowire.ConsumeBytes(answer[n:]); number == 1 && kind == protowire.BytesType && k > 0 && len(inside) > 0 {
			return true
		}
		answer = answer[n+m:]
	}
	return false
}

func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(min(n, 3600))*time.Second, time.Hour)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(time.Until(at), 0)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
