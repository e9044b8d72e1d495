package keyfobtest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

const maxBody = 64 << 20 // bytes of a request that are read

// ServeHTTP implements http.Handler, so that the provider can also stand behind
// a server of the caller's own, such as one with TLS.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client went away while sending
	}
	c := call{w: w, r: r, op: readOperation(r, body)}
	rec := Request{
		At: time.Now(), Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Proto: r.Proto, Host: r.Host, Header: r.Header.Clone(), Body: body, Key: keyOf(r),
		Model: c.op.model, Stream: c.op.stream,
	}
	known := false
	c.b, c.n, known = p.take(rec, c.op.kind.generates())
	c.account = p.nameOf(rec.Key)
	c.status = func(s int) { p.setStatus(c.n, s) }
	p.answer(&c, known)
}

// call is one request under way.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	op      operation
	b       Behaviour
	n       int // its number
	account string
	status  func(int)
}

func (p *Provider) answer(c *call, known bool) {
	switch {
	case c.op.kind == unknown:
		c.fail(http.StatusNotFound, "", "")
		return
	case !known:
		c.fail(http.StatusUnauthorized, "", "")
		return
	}
	if !p.pause(c) || c.b.Drop == AfterRequest {
		panic(http.ErrAbortHandler) // closes the connection, answering nothing
	}
	if c.b.Status != 0 && c.b.Status != http.StatusOK {
		c.fail(c.b.Status, c.b.Type, c.b.Body)
		return
	}
	if c.b.StreamError != "" && !c.op.stream {
		c.fail(statusOfType(c.b.StreamError), c.b.StreamError, "")
		return
	}
	p.succeed(c)
}

// pause waits as told; false: the client or the provider ended before.
func (p *Provider) pause(c *call) bool {
	if c.b.Delay > 0 && !p.sleep(c, c.b.Delay) {
		return false
	}
	if c.b.Wait == nil {
		return true
	}
	select {
	case <-c.b.Wait:
		return true
	case <-c.r.Context().Done():
	case <-p.stop:
	}
	return false
}

func (p *Provider) sleep(c *call, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
	case <-p.stop:
	}
	return false
}

// fail answers an error: the body as given, or one in the request's dialect.
func (c *call) fail(status int, kind, body string) {
	switch {
	case kind == noCredit && c.op.dialect == anthropicDialect:
		status = http.StatusBadRequest
	case kind == noCredit:
		status = http.StatusTooManyRequests
	case status == http.StatusUnauthorized && body == "" && c.op.dialect == googleDialect:
		status, kind = http.StatusBadRequest, badKey // as Google does
	}
	if body == "" {
		body = c.errorBody(status, kind)
	}
	c.head(status, "application/json")
	_, _ = io.WriteString(c.w, body)
}

func (c *call) head(status int, contentType string) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Request-Id", id("req", c.n))
	maps.Copy(h, c.b.Header)
	c.status(status)
	c.w.WriteHeader(status)
}

func (c *call) json(v any) {
	c.head(http.StatusOK, "application/json")
	if c.b.Drop != None {
		c.half(v)
	}
	_ = json.NewEncoder(c.w).Encode(v) // a client that went away is not the test's affair
}

// half answers the first half and cuts the connection.
func (c *call) half(v any) {
	b, _ := json.Marshal(v)
	if c.b.Drop == MidStream {
		_, _ = c.w.Write(b[:len(b)/2])
	}
	_ = http.NewResponseController(c.w).Flush()
	panic(http.ErrAbortHandler)
}

// keyOf is the credential that a request carries, in whichever of the
// providers' places.
func keyOf(r *http.Request) string {
	for _, name := range []string{"X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		if v := r.Header.Get(name); v != "" {
			return v
		}
	}
	if v, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return v
	}
	return r.URL.Query().Get("key")
}
