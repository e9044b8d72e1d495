package failover

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// run is one request on its way over the accounts.
type run struct {
	t      *Transport
	req    *http.Request
	q      Query
	single bool    // the body can be sent once only
	sent   bool    // Base has had the single body, and closes it
	body   *source // of the newest attempt; nil: none

	pick Pick
	open bool // pick is neither reported nor released

	attempts  []Attempt
	final     int            // index of the attempt that decided the answer; -1: none
	last      *http.Response // the last answer that rotated, to fall back on
	lastIndex int
	unreached []string // accounts that gave this request no answer
	ambiguous bool     // one of those may have done the work
	applyErr  error
}

func newRun(t *Transport, req *http.Request, q Query) *run {
	r := &run{t: t, req: req, q: q, final: -1, attempts: make([]Attempt, 0, 1)}
	r.q.Tried = slices.Clip(q.Tried)
	switch {
	case req.Body == nil || req.Body == http.NoBody:
	case req.GetBody == nil:
		r.single, r.q.NoProbe = true, true
	default:
		_ = req.Body.Close() // every attempt has a body of its own
	}
	return r
}

// answer is what came of an attempt. With again set another account may be
// tried; err ends the request.
type answer struct {
	resp  *http.Response // nil: none
	v     Verdict
	again bool
	lost  bool // no answer came
	stale bool // the connection was at fault, not the account
	err   error
}

func (r *run) loop() (*http.Response, error) {
	for {
		pk, err := r.t.Pool.Pick(time.Now(), r.q)
		if err != nil {
			return r.exhausted(err)
		}
		r.pick, r.open = pk, true
		a := r.account()
		if a.err != nil || !a.again {
			return a.resp, a.err
		}
		r.q.Tried = append(r.q.Tried, pk.ID)
	}
}

// account tries the picked account: once, once more if a connection from before
// turned out to be closed, and once more after a refresh.
func (r *run) account() answer {
	a := r.attempt()
	if a.stale && a.again {
		a = r.attempt()
	}
	if a.again && a.v.Kind == Expired && r.t.Refresh != nil {
		a = r.refresh(a)
	}
	if a.err != nil || !r.open {
		return a
	}
	r.report(a.v)
	if a.lost {
		r.unreached = append(r.unreached, r.pick.ID)
	}
	if !a.again {
		r.final = len(r.attempts) - 1
		return r.answered(a)
	}
	r.keep(a.resp)
	return a
}

// refresh renews the credential and tries again. Where that fails, what was
// answered before holds.
func (r *run) refresh(a answer) answer {
	r.keep(a.resp)
	err := r.t.Refresh(r.req.Context(), r.pick.ID)
	if ctxErr := r.req.Context().Err(); ctxErr != nil {
		return answer{err: ctxErr}
	}
	if err != nil {
		return a
	}
	return r.attempt()
}

// attempt sends the request to the picked account once.
func (r *run) attempt() answer {
	at := Attempt{ID: r.pick.ID, Model: r.pick.Model, N: len(r.attempts) + 1, Probe: r.pick.Probe, Start: time.Now()}
	a := r.send(&at)
	if a.resp != nil {
		at.Status = a.resp.StatusCode
	}
	if a.err != nil && at.Err == nil {
		at.Err = a.err
	}
	at.Verdict = a.v
	r.attempts = append(r.attempts, at)
	return a
}

// answered gives an answer a response where upstream gave none.
func (r *run) answered(a answer) answer {
	if a.resp == nil {
		a.resp = r.localFailure()
	}
	return a
}

func (r *run) send(at *Attempt) answer {
	out, err := r.clone()
	if err != nil {
		return answer{err: err}
	}
	if err := r.t.Apply(r.req.Context(), out, at.ID); err != nil {
		at.Err = err
		return r.notApplied(out, err)
	}
	if !safe(out.Method) {
		respell(out.Header)
	}
	w := &wire{}
	r.sent = true
	resp, err := r.t.base().RoundTrip(out.WithContext(w.trace(out.Context())))
	if err != nil {
		at.Err = err
		return r.failed(w, err)
	}
	at.Headers = time.Now()
	resp.Header.Del(LocalHeader)
	return r.judge(resp)
}

// clone makes the attempt's request. Without GetBody, Base cannot replay.
func (r *run) clone() (*http.Request, error) {
	out := r.req.Clone(r.req.Context())
	out.GetBody = nil
	if r.req.Body == nil || r.req.Body == http.NoBody {
		return out, nil
	}
	if r.req.GetBody != nil {
		body, err := r.req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	r.body = &source{ReadCloser: out.Body}
	out.Body = r.body
	return out, nil
}

// respell writes the idempotency headers in lower case, which means the same to
// a server. In their canonical form net/http takes them for leave to send a
// request without a body again on its own (see http.Transport), and whether an
// upstream heeds them is not known here.
func respell(h http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if v, ok := h[name]; ok {
			delete(h, name)
			h[strings.ToLower(name)] = v
		}
	}
}

// notApplied passes over an account whose credential cannot be put on. That is
// trouble of this side, so nothing is held against it.
func (r *run) notApplied(out *http.Request, err error) answer {
	if out.Body != nil && !r.single {
		_ = out.Body.Close()
	}
	if ctxErr := r.req.Context().Err(); ctxErr != nil {
		return answer{err: ctxErr}
	}
	r.applyErr = err
	r.release()
	return answer{again: true}
}

// failed judges an attempt without an answer. One that the caller cancelled, or
// whose body the caller did not deliver, is no account's fault.
func (r *run) failed(w *wire, err error) answer {
	if r.req.Context().Err() != nil {
		return answer{err: err}
	}
	if err := r.body.fault(); err != nil {
		return answer{err: err}
	}
	_, std := r.t.base().(*http.Transport)
	v := Verdict{Kind: Transient, Scope: Account, Reason: "no answer"}
	unwritten := w.silent(std) || (w.unasked() && dialFailed(err))
	if unwritten {
		v.Reason = "no connection"
	}
	v.EffectFree = unwritten || refused(err) || safe(r.req.Method)
	r.ambiguous = r.ambiguous || !v.EffectFree
	again := !r.single && (v.EffectFree || r.mayDouble())
	return answer{v: v, lost: true, stale: v.EffectFree && w.usedBefore(), again: again}
}

// safe says that a method asks for no work (RFC 9110, section 9.2.1).
func safe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// mayDouble says that work may be done twice.
func (r *run) mayDouble() bool { return r.t.AllowAmbiguous || r.pick.ambiguous }

func (r *run) report(v Verdict) {
	r.open = false
	changed := r.t.Pool.Report(time.Now(), r.pick, r.q, v)
	if len(changed) > 0 && r.t.Changed != nil {
		r.t.Changed(changed)
	}
}

func (r *run) release() {
	r.open = false
	r.t.Pool.Release(r.pick)
}

// keep holds on to an answer in case it is the last there is. Only one is kept.
func (r *run) keep(resp *http.Response) {
	if resp == nil {
		return
	}
	r.drop(resp)
	r.last, r.lastIndex = resp, len(r.attempts)-1
}

func (r *run) drop(but *http.Response) {
	if r.last != nil && r.last != but {
		_ = r.last.Body.Close()
	}
	r.last = nil
}

// exhausted chooses the answer when no account is left, in the order that
// Transport documents.
func (r *run) exhausted(err error) (*http.Response, error) {
	e, ok := errors.AsType[*ExhaustedError](err)
	switch {
	case !ok:
		return nil, err
	case r.waits(e):
		return r.t.local(r.req, Local{Status: http.StatusTooManyRequests, Reason: AllCooling,
			Message: "every account is cooling down", RetryAfter: e.RetryAfter, Cause: e.Reason}), nil
	case r.last != nil:
		r.final = r.lastIndex
		return r.last, nil
	case len(r.unreached) > 0:
		return r.localFailure(), nil
	case r.applyErr != nil:
		return nil, r.applyErr
	}
	msg := "no account works: each was refused for good"
	if e.None {
		msg = "there is no account for this request"
	}
	return r.t.local(r.req, Local{Status: http.StatusServiceUnavailable, Reason: NoAccount, Message: msg}), nil
}

// waits says that an account comes back by waiting, other than one that this
// request has just failed to reach.
func (r *run) waits(e *ExhaustedError) bool {
	return slices.ContainsFunc(e.Held, func(h Health) bool {
		return h.Until.Before(Forever) && !slices.Contains(r.unreached, h.ID)
	})
}

// localFailure is the answer to a request that got none from upstream.
func (r *run) localFailure() *http.Response {
	l := Local{Status: http.StatusBadGateway, Reason: UpstreamUnreachable, Message: "the upstream cannot be reached"}
	if r.ambiguous {
		l.Reason = UpstreamAmbiguous
		l.Message = "the upstream took the request and gave no answer; it may have done the work"
	}
	return r.t.local(r.req, l)
}

// finish leaves nothing open, whichever way the request ended.
func (r *run) finish(resp *http.Response) {
	if r.open {
		r.release()
	}
	r.drop(resp)
	if r.single && !r.sent {
		_ = r.req.Body.Close()
	}
	if r.t.Observe == nil {
		return
	}
	for i, a := range r.attempts {
		a.Final = i == r.final
		r.t.Observe(a)
	}
}
