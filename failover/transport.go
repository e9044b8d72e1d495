package failover

import (
	"context"
	"net/http"
	"time"
)

// Transport sends one request over the accounts of its Pool until one answers.
//
// It sends a request again only when the attempt before did no work: the
// connection or its TLS handshake failed, the server refused the stream,
// nothing was written, or the verdict on the answer is EffectFree. A request
// that was written and got no answer may have done its work: the caller gets a
// local 502 "upstream_ambiguous" (but see AllowAmbiguous). Methods that are
// safe by RFC 9110, section 9.2.1, do no work that counts.
//
// Redirects are not followed. The answer's Request is the caller's own, never
// the attempt's, which carries a credential. Upstream's own "Keyfob-Local"
// headers are dropped, so that the header is a fact.
//
// When every account was tried or is cooling, the answer is, in this order:
//
//   - a local 429 "all_cooling" with the soonest Retry-After, if an account
//     comes back by waiting (one that this request just failed to reach does
//     not count as such),
//   - the last answer from upstream to this request,
//   - a local 502 "upstream_unreachable", if no account could be reached,
//   - a local 503 "no_account", if no account is usable at all.
//
// The fields must not change after the first request. A Transport is safe for
// concurrent use if its functions are.
type Transport struct {
	// Base sends single attempts; nil: http.DefaultTransport, with which
	// "nothing written" is never certain. NewBase makes one that counts.
	Base http.RoundTripper
	// Pool gives the accounts: a *Pool, or several by Chain.
	Pool Picker
	// Apply points a request at the upstream of an account and puts its
	// credential on. It gets a fresh clone for each attempt. If it fails, the
	// next account is tried and nothing is held against this one; if no account
	// is left, Do returns its error.
	Apply func(ctx context.Context, req *http.Request, id string) error
	// Classify judges an answer by its status, its headers and the first
	// MaxBody bytes of its body; body is nil for 2xx. nil: every answer is OK.
	Classify func(status int, h http.Header, body []byte) Verdict
	// Event judges one server-sent event of a stream that has not begun; name
	// is empty where the event has none. prelude says that the stream has
	// still not begun. nil: no stream is held.
	Event func(name string, data []byte) (v Verdict, prelude bool)
	// Refresh renews an account's credential. It is called once per account
	// and request, after a verdict of kind Expired that is EffectFree; if it
	// succeeds the account is tried once more. nil: Expired rotates at once.
	Refresh func(ctx context.Context, id string) error
	// Changed gets what to persist. It must not block. May be nil.
	Changed func([]Health)
	// Observe gets every attempt of a request, in order, once it is known
	// which one's answer the caller gets. It must not block. May be nil.
	Observe func(Attempt)
	// Local makes the body of an answer that is given here; nil: a small JSON
	// object. The header "Keyfob-Local" and Retry-After are set on it.
	Local func(req *http.Request, l Local) *http.Response
	// AllowAmbiguous lets a request be sent again though the attempt before may
	// have done its work, beside what the Options of the attempt's pool allow.
	AllowAmbiguous bool
	// MaxHold is how many bytes of a stream's beginning are held at most: 64 KiB.
	MaxHold int
	// HoldFor is how long after the headers they are held at most: 500 ms.
	HoldFor time.Duration
	// MaxBody is how many bytes of a non-2xx answer Classify sees at most: 16 KiB.
	MaxBody int
}

// Attempt is one try of a request on one account.
type Attempt struct {
	ID, Model string
	N         int // from 1
	Status    int // 0: no answer
	Verdict   Verdict
	// Err is why there was no answer. It is for logs of this process only: its
	// text comes from elsewhere.
	Err   error
	Probe bool
	Start time.Time
	// Headers is when the answer's headers had come; zero: no answer.
	Headers time.Time
	// Final says that the caller got this attempt's answer.
	Final bool
}

// Do sends a request and gives the answer. An error means that the request was
// cancelled, that its body could not be had, or that no account's credential
// could be applied; every other failure is an answer, either upstream's or a
// local one.
//
// The request can be sent again if its Body is nil, http.NoBody, or comes with
// GetBody; otherwise it has a single shot. Base never sees GetBody, nor an
// idempotency header in its canonical form, so it cannot replay on its own. Do
// closes req.Body; the caller closes the answer's.
func (t *Transport) Do(req *http.Request, q Query) (*http.Response, error) {
	r := newRun(t, req, q)
	resp, err := r.loop()
	r.finish(resp)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	return resp, nil
}

// RoundTrip is Do with the Query from the request's context.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.Do(req, QueryFrom(req.Context()))
}

type queryKey struct{}

// WithQuery gives a context whose requests RoundTrip sends with this Query.
func WithQuery(ctx context.Context, q Query) context.Context {
	return context.WithValue(ctx, queryKey{}, q)
}

// QueryFrom is the Query that WithQuery put there, else the zero Query.
func QueryFrom(ctx context.Context) Query {
	q, _ := ctx.Value(queryKey{}).(Query)
	return q
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

func (t *Transport) maxHold() int { return positive(t.MaxHold, 64<<10) }
func (t *Transport) maxBody() int { return positive(t.MaxBody, 16<<10) }
func (t *Transport) holdFor() time.Duration {
	return positive(t.HoldFor, 500*time.Millisecond)
}

func positive[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}
