package broker

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// receive takes an upstream's answer: its body is read along for usage and for
// ids of state, and is counted when it ends.
func (x *exchange) receive(req *http.Request, resp *http.Response) {
	delete(resp.Header, HeaderAccount) // HeaderLocal of an upstream's is dropped by failover
	if x.current != nil {
		conceal(resp, x.current.credential.Value.Reveal())
		resp.Header[HeaderAccount] = []string{x.current.ref}
	}
	body := &answerBody{ReadCloser: resp.Body, x: x, status: resp.StatusCode, works: req.Method != http.MethodGet && req.Method != http.MethodHead}
	if body.good() {
		body.meter = x.adapter.Meter(resp.Header.Get("Content-Type"))
	}
	resp.Body = body
}

// answerBody copies what is read to the meter.
type answerBody struct {
	io.ReadCloser
	x      *exchange
	meter  provider.Meter
	status int
	works  bool // a request that makes tokens
	once   sync.Once
}

func (b *answerBody) good() bool { return b.status >= 200 && b.status < 300 }

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && b.meter != nil {
		_, _ = b.meter.Write(p[:n])
	}
	return n, err
}

// Buffered is how many bytes Read gives without waiting, as far as is known.
func (b *answerBody) Buffered() int {
	if body, ok := b.ReadCloser.(interface{ Buffered() int }); ok {
		return body.Buffered()
	}
	return 0
}

// Close counts the answer, whether it was read to its end or not.
func (b *answerBody) Close() error {
	b.once.Do(b.count)
	return b.ReadCloser.Close()
}

func (b *answerBody) count() {
	u := core.Usage{Requests: 1}
	if b.status >= 400 {
		u.Errors = 1
	}
	if b.meter != nil {
		t := b.meter.Tokens()
		u.InputTokens, u.OutputTokens = t.Input, t.Output
		if !t.Known && b.works {
			u.Unreported, u.Estimated = 1, b.x.estimate(b.meter.Seen())
		}
		b.x.remember(b.meter.StateIDs())
	}
	b.x.count(u)
}

// remember keeps which account has the state that this answer made, and which
// one the conversation was with.
func (x *exchange) remember(ids []string) {
	if x.current == nil {
		return
	}
	for _, id := range ids {
		x.b.states.put(x.stateKey(id), x.current.ID)
	}
	if m := x.call.Marks; m.Conversation != "" {
		x.b.states.put(x.stateKey(x.b.affinity(x.call.Grant.Workspace, x.key.provider, m.Conversation)), x.current.ID)
	}
}

// answerHere is an answer of ours, in the shape of the provider's own errors.
func (x *exchange) answerHere(req *http.Request, l failover.Local) *http.Response {
	x.local, x.spent = true, l.Reason == failover.AllCooling && l.Cause == reasonSpent
	if l.Reason == failover.UpstreamAmbiguous {
		// The work may have been done, and nobody will say what it used.
		x.count(core.Usage{Requests: 1, Errors: 1, Unreported: 1, Estimated: x.estimate(provider.Seen{})})
	}
	l.Message = x.explain(l)
	return LocalAnswer(req, x.adapter, l)
}

// explain says what happened and what to do, for whoever sits before the client.
func (x *exchange) explain(l failover.Local) string {
	pool := x.key.provider + " (namespace " + x.key.namespace + ")"
	switch {
	case x.spent:
		return "Keyfob: your limit for today on the organisation's accounts of " + pool + " is used up; the day ends in " +
			l.RetryAfter.Round(time.Minute).String() + ", at midnight UTC. An account of your own has no such limit: keyfob account add"
	case l.Reason == failover.AllCooling:
		s := "Keyfob: every account of " + pool + " is cooling down"
		if l.RetryAfter > 0 {
			s += "; the first is back in " + l.RetryAfter.Round(time.Second).String()
		}
		return s + ". keyfob status shows them, keyfob account clear ends a cooldown"
	case l.Reason == failover.NoAccount:
		return "Keyfob: no account of " + pool + " can take this request. keyfob account list shows those there are, keyfob account add adds one"
	}
	if l.Reason == failover.UpstreamUnreachable && x.b.Upstreams.Public {
		l.Message += "; this server sends to public addresses only"
	}
	return "Keyfob: " + pool + ": " + l.Message
}

// LocalAnswer makes an answer of ours in the shape of the adapter's errors (nil:
// as plain text), with HeaderLocal and Retry-After (whole seconds, rounded up)
// where it is known.
func LocalAnswer(req *http.Request, ad provider.Adapter, l failover.Local) *http.Response {
	contentType, body := "text/plain; charset=utf-8", []byte(l.Message+"\n")
	if ad != nil {
		contentType, body = ad.Error(l.Status, l.Message)
	}
	h := http.Header{
		"Content-Type":   {contentType},
		"Content-Length": {strconv.Itoa(len(body))},
		HeaderLocal:      {l.Reason},
	}
	if l.Reason == failover.UpstreamAmbiguous {
		// The providers' own SDKs send a 5xx again by themselves, and heed this:
		// it would repeat work that may have been done.
		h["X-Should-Retry"] = []string{"false"}
	}
	if l.RetryAfter > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(int64((l.RetryAfter+time.Second-1)/time.Second), 10)}
	}
	return &http.Response{
		Status: strconv.Itoa(l.Status) + " " + http.StatusText(l.Status), StatusCode: l.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
