package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// Headers that this program puts on answers. An upstream's own of these names
// never pass.
const (
	HeaderAccount = "Keyfob-Account" // PROVIDER[/NAMESPACE]/LABEL of the account that answered; after "org:" the organisation's
	HeaderLocal   = "Keyfob-Local"   // why the answer was made here
)

// UserLimit is HeaderLocal of a 429 to somebody who has used up today's share of
// the organisation's accounts, while no other account can take the request. Its
// Retry-After is the end of the UTC day.
const UserLimit = "user_limit"

// Call says for whom and what for a request is.
type Call struct {
	Grant     Grant
	Provider  string // as in the path
	Namespace string // as in the path
	Marks     provider.Marks
	Path      string // below /p/PROVIDER/NAMESPACE
	Note      *Note  // what became of it; nil: nobody asks
}

// Note is what an answer's headers do not say.
type Note struct {
	Rotations int // attempts that failed over to another account
}

// Adapter is the one whose dialect a path's provider speaks under this grant.
// Error: invalid for an unknown provider. It works with the zero Grant, too.
func (b *Broker) Adapter(g Grant, path string) (provider.Adapter, error) {
	return b.Providers.Get(g.provider(path))
}

// Do sends the request over the accounts of its pool and gives one answer,
// whose body must be closed; it closes the request's body. With req.GetBody set, or without a body, the
// request can be sent again. An answer made here (all accounts cooling, none
// there, none reached) is in the adapter's own error shape and carries
// HeaderLocal.
//
// Errors: forbidden for another namespace than the grant's, invalid for an
// unknown provider, unavailable where the store is away, no credential opens
// (reason "sealed_mismatch") or no upstream is allowed (reason
// "upstream_refused"); else the context's error.
func (b *Broker) Do(req *http.Request, c Call) (*http.Response, error) {
	r, err := b.admit(req.Context(), c)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper does, whatever happens
		}
		return nil, err
	}
	x := &exchange{b: b, route: r, call: c, model: clip(c.Marks.Model), begun: time.Now()}
	return x.send(req)
}

// maxModel bounds what is kept of a model's name, in bytes.
const maxModel = 200

func clip(s string) string {
	if len(s) > maxModel {
		return strings.ToValidUTF8(s[:maxModel], "")
	}
	return s
}

// exchange is one request on its way. Its methods are called by one goroutine.
type exchange struct {
	route
	b       *Broker
	call    Call
	model   string
	begun   time.Time
	day     string   // of begun; empty: no limit is to be kept
	counted bool     // what the user has used on that day is known
	current *account // of the newest attempt
	local   bool
	sent    int64 // bytes of text in the request
	spent   bool  // it was answered here because the user's share is used up
}

func (x *exchange) send(req *http.Request) (*http.Response, error) {
	x.sent = textSent(req)
	t := failover.Transport{
		Base: x.b.base, Pool: x.picker(), Apply: x.apply, Classify: x.classify, Event: x.event,
		Changed: x.changed, Local: x.answerHere,
	}
	resp, err := t.Do(req.WithContext(fewInterim(req.Context())), x.query(req.Context()))
	if err != nil {
		x.givenUp(req)
		return nil, err
	}
	switch {
	case !x.local:
		x.receive(req, resp)
	case x.spent:
		resp.Header[HeaderLocal] = []string{UserLimit}
	}
	return resp, nil
}

// changed takes what an answer has shown of accounts.
func (x *exchange) changed(hs []failover.Health) {
	x.b.health.add(hs)
	if x.b.Cooled == nil {
		return
	}
	for _, h := range hs {
		x.b.Cooled(x.key.provider, h.Kind.String())
	}
}

func (x *exchange) query(ctx context.Context) failover.Query {
	m := x.call.Marks
	q := failover.Query{Model: x.model}
	picky, limited := x.picky()
	if picky {
		q.Skip = x.skip
	}
	if limited && x.b.Usage != nil {
		x.day = x.b.Usage.Day(x.begun)
		x.counted = x.b.limits.ready(ctx, x.call.Grant.Owner, x.day)
	}
	if m.Conversation != "" {
		q.Affinity = x.b.affinity(x.call.Grant.Workspace, x.key.provider, m.Conversation)
	}
	if m.State != "" {
		q.Bound = x.b.states.get(x.stateKey(m.State))
	}
	if q.Bound == "" && m.Stateful && q.Affinity != "" {
		q.Bound = x.b.states.get(x.stateKey(q.Affinity))
	}
	return q
}

func (x *exchange) stateKey(id string) stateKey { return stateKey{x.call.Grant.Owner, x.key, id} }

// affinity is a conversation's key. The mark may be text of the user's, and is
// not kept.
func (b *Broker) affinity(workspace, provider, mark string) string {
	h := hmac.New(sha256.New, b.mark[:])
	h.Write([]byte(workspace + "\x00" + provider + "\x00" + mark))
	return string(h.Sum(nil))
}

func (x *exchange) apply(_ context.Context, req *http.Request, id string) error {
	a := x.account(id)
	if a == nil {
		return core.Errorf(core.Unavailable, "the account was removed").WithReason("no_account")
	}
	if x.current != nil && x.current.ID != id {
		x.count(core.Usage{Rotations: 1})
		if x.call.Note != nil {
			x.call.Note.Rotations++
		}
	}
	x.current = a
	return a.apply(x.adapter, req)
}

func (x *exchange) classify(status int, h http.Header, body []byte) failover.Verdict {
	v := x.adapter.Classify(status, h, body, time.Now())
	if (v.Kind == failover.Dead || v.Kind == failover.Expired) && !x.adapter.OpensWithKey(x.call.Path) {
		return failover.Verdict{Reason: "this path takes another kind of key"}
	}
	return v
}

func (x *exchange) event(name string, data []byte) (failover.Verdict, bool) {
	return x.adapter.Event(name, data, time.Now())
}

// count adds to the usage of the newest attempt's account. What the organisation
// gives is the user's usage too.
func (x *exchange) count(u core.Usage) {
	if x.b.Usage == nil || x.current == nil {
		return
	}
	u.UsageKey = core.UsageKey{
		Owner: x.call.Grant.Owner, AccountID: x.current.ID, Model: x.model, Workspace: x.call.Grant.Workspace,
		Day: x.b.Usage.Day(time.Now()),
	}
	if x.current.Owner == core.Org && u.Owner != core.Org {
		x.b.Usage.AddOrg(u)
		return
	}
	x.b.Usage.Add(u)
}
