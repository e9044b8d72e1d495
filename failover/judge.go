package failover

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// errorWait is how long the beginning of a non-2xx body is waited for before it
// is judged by what there is.
const errorWait = 5 * time.Second

// judge turns an answer into a verdict, and reads no more of it than that takes.
func (r *run) judge(resp *http.Response) answer {
	switch s := resp.StatusCode; {
	case s == http.StatusSwitchingProtocols:
		return answer{resp: resp} // its body is a connection, not to be touched
	case s < 200 || s > 299:
		return r.refusal(resp)
	}
	v := r.classify(resp, nil)
	if v.Kind == OK && r.t.Event != nil && isStream(r.req, resp) {
		return r.hold(resp)
	}
	return r.verdict(resp, v)
}

func (r *run) classify(resp *http.Response, body []byte) Verdict {
	if r.t.Classify == nil {
		return Verdict{}
	}
	return r.t.Classify(resp.StatusCode, resp.Header, body)
}

func (r *run) verdict(resp *http.Response, v Verdict) answer {
	return answer{resp: resp, v: v, again: v.Rotates() && !r.single}
}

// refusal judges a non-2xx answer by the beginning of its body.
func (r *run) refusal(resp *http.Response) answer {
	a := newAhead(resp.Body)
	resp.Body = a
	timer := time.NewTimer(errorWait)
	defer timer.Stop()
	ctx := r.req.Context()
	for a.more(ctx, timer.C, r.t.maxBody()-len(a.held)) {
	}
	if ctx.Err() != nil {
		return gaveUp(a, ctx.Err())
	}
	return r.verdict(resp, r.classify(resp, a.held))
}

func gaveUp(body io.Closer, err error) answer {
	_ = body.Close()
	return answer{err: err}
}

// isStream says that the answer is server-sent events that can be read.
func isStream(req *http.Request, resp *http.Response) bool {
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	enc := resp.Header.Get("Content-Encoding")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") &&
		(enc == "" || strings.EqualFold(enc, "identity")) && req.Method != http.MethodHead
}

// hold keeps a stream's beginning back until it is plain that the stream has
// begun, or that it failed before it did.
func (r *run) hold(resp *http.Response) answer {
	a := newAhead(resp.Body)
	resp.Body = a
	v, begun := r.prelude(a)
	ctx := r.req.Context()
	switch {
	case v.Kind != OK:
		out := r.verdict(resp, v)
		if out.again {
			a.cut()
			resp.ContentLength = -1
			resp.Header.Del("Content-Length")
		}
		return out
	case begun:
		return answer{resp: resp}
	case ctx.Err() != nil:
		return gaveUp(a, ctx.Err())
	case a.err != nil && a.err != io.EOF:
		return r.broke(resp, a.err)
	}
	return answer{resp: resp}
}

// prelude reads events until one says what becomes of the stream.
func (r *run) prelude(a *ahead) (v Verdict, begun bool) {
	timer := time.NewTimer(r.t.holdFor())
	defer timer.Stop()
	var s scanner
	see := func(name string, data []byte) bool {
		var prelude bool
		v, prelude = r.t.Event(name, data)
		begun = !prelude
		return prelude && v.Kind == OK
	}
	for more, seen := true, 0; more; {
		more = a.more(r.req.Context(), timer.C, r.t.maxHold()-len(a.held))
		if !s.feed(a.held[seen:], see) {
			break
		}
		seen = len(a.held)
	}
	return v, begun
}

// broke judges a stream that ended in an error during its prelude. The headers
// came, so the upstream may be at work, unless it says that it is not.
func (r *run) broke(resp *http.Response, err error) answer {
	v := Verdict{Kind: Transient, Scope: Account, Reason: "stream broke", EffectFree: refused(err)}
	return answer{resp: resp, v: v, again: !r.single && (v.EffectFree || r.mayDouble())}
}
