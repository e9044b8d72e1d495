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
	HeaderAccount = "Keyfob-Account" // PROVIDER[/NAMESPACE]/LABEL of the account that answered
	HeaderLocal   = "Keyfob-Local"   // why the answer was made here
)

// Call says for whom and what for a request is.
type Call struct {
	Grant     Grant
	Provider  string // as in the path
	Namespace string // as in the path
	Marks     provider.Marks
	Path      string // below /p/PROVIDER/NAMESPACE
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
// unknown provider, unavailable where the store is away or (reason
// "sealed_mismatch") no credential opens; else the context's error.
func (b *Broker) Do(req *http.Request, c Call) (*http.Response, error) {
	p, err := b.admit(req.Context(), c)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper does, whatever happens
		}
		return nil, err
	}
	x := &exchange{b: b, pool: p, call: c, model: clip(c.Marks.Model)}
	return x.send(req)
}

// admit gives the pool that the call may use.
func (b *Broker) admit(ctx context.Context, c Call) (*pool, error) {
	if c.Namespace != c.Grant.Namespace {
		return nil, core.Errorf(core.Forbidden, "this gateway key is not for namespace %q", c.Namespace).WithReason("foreign_namespace").
			WithHint("it is for namespace %q; keyfob run --namespace chooses another", c.Grant.Namespace)
	}
	return b.pool(ctx, c.Grant, c.Provider)
}

func (b *Broker) pool(ctx context.Context, g Grant, path string) (*pool, error) {
	s, err := b.owner(ctx, g.Owner)
	if err != nil {
		return nil, err
	}
	key := poolKey{g.provider(path), g.Namespace}
	if p := s.pools[key]; p != nil {
		return p, p.usable()
	}
	ad, err := b.Providers.Get(key.provider)
	if err != nil {
		return nil, err
	}
	return &pool{owner: g.Owner, key: key, adapter: ad, failover: failover.NewPool(failover.Options{})}, nil
}

// usable gives an error where there would be an account, but none opens.
func (p *pool) usable() error {
	broken := p.broken.Load()
	if m := p.members.Load(); broken == nil || m == nil || len(*m) > 0 {
		return nil
	}
	return core.Errorf(core.Unavailable, "the credential of %s does not open", broken.Ref()).WithReason("sealed_mismatch").
		WithHint("its record was changed or another root key is in use; keyfob doctor says more, keyfob account rm and add put it right")
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
	b       *Broker
	pool    *pool
	call    Call
	model   string
	account *account // of the newest attempt
	local   bool
}

func (x *exchange) send(req *http.Request) (*http.Response, error) {
	t := failover.Transport{
		Base: x.b.base, Pool: x.pool.failover, Apply: x.apply, Classify: x.classify, Event: x.event,
		Changed: x.b.health.add, Local: x.answerHere,
	}
	resp, err := t.Do(req, x.query())
	if err != nil {
		return nil, err
	}
	if !x.local {
		x.receive(req, resp)
	}
	return resp, nil
}

func (x *exchange) query() failover.Query {
	m := x.call.Marks
	q := failover.Query{Model: x.model}
	if m.Conversation != "" {
		q.Affinity = x.b.affinity(x.call.Grant.Workspace, x.pool.key.provider, m.Conversation)
	}
	if m.State != "" {
		q.Bound = x.b.states.get(x.stateKey(m.State))
	}
	if q.Bound == "" && m.Stateful && q.Affinity != "" {
		q.Bound = x.b.states.get(x.stateKey(q.Affinity))
	}
	return q
}

func (x *exchange) stateKey(id string) stateKey { return stateKey{x.pool.owner, x.pool.key, id} }

// affinity is a conversation's key. The mark may be text of the user's, and is
// not kept.
func (b *Broker) affinity(workspace, provider, mark string) string {
	h := hmac.New(sha256.New, b.mark[:])
	h.Write([]byte(workspace + "\x00" + provider + "\x00" + mark))
	return string(h.Sum(nil))
}

func (x *exchange) apply(_ context.Context, req *http.Request, id string) error {
	a := x.pool.account(id)
	if a == nil {
		return core.Errorf(core.Unavailable, "the account was removed").WithReason("no_account")
	}
	if x.account != nil && x.account.ID != id {
		x.count(core.Usage{Rotations: 1})
	}
	x.account = a
	return a.apply(x.pool.adapter, req)
}

func (x *exchange) classify(status int, h http.Header, body []byte) failover.Verdict {
	v := x.pool.adapter.Classify(status, h, body, time.Now())
	if (v.Kind == failover.Dead || v.Kind == failover.Expired) && !x.pool.adapter.OpensWithKey(x.call.Path) {
		return failover.Verdict{Reason: "this path takes another kind of key"}
	}
	return v
}

func (x *exchange) event(name string, data []byte) (failover.Verdict, bool) {
	return x.pool.adapter.Event(name, data, time.Now())
}

// count adds to the usage of the newest attempt's account.
func (x *exchange) count(u core.Usage) {
	if x.b.Usage == nil || x.account == nil {
		return
	}
	u.UsageKey = core.UsageKey{
		Owner: x.pool.owner, AccountID: x.account.ID, Model: x.model, Workspace: x.call.Grant.Workspace,
		Day: time.Now().UTC().Format(time.DateOnly),
	}
	x.b.Usage.Add(u)
}
