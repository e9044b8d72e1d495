// Package provider is the port to the services whose credentials Keyfob keeps:
// an Adapter knows how one of them takes a credential, what its answers mean
// and which of its requests belong to one account.
package provider

import (
	"net/http"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// Info is what people and clients need to know of a provider.
type Info struct {
	ID      string // such as "anthropic"
	Title   string // such as "Anthropic"
	BaseURL string // what its official SDK takes by default; empty: must be given with the account
	Dialect string // the wire protocol: "anthropic", "openai" or "google"
	Policy  Policy
	KeyPage string   // where a person gets an API key; may be empty
	KeyVars []string // environment variables in which its official clients look for a key
	// KeyInQuery says that some of its clients send the key in the query's
	// parameter "key".
	KeyInQuery bool
}

// Policy says whether the provider's terms let a third party use a kind of
// credential.
type Policy struct {
	Verdict string // allowed, user_responsibility, prohibited
	Note    string // one line for whoever adds an account
}

// Credential is what Apply puts on a request.
type Credential struct {
	Kind    core.AccountKind
	Value   secret.Secret
	BaseURL string
}

// Marks is what the first bytes of a request tell.
type Marks struct {
	Model        string // empty: not found
	Conversation string // what marks a conversation, where there really is such a mark; empty: none
	State        string // the upstream's id of state that lives with one account (previous_response_id, file and batch ids); empty: none
	Stateful     bool   // refers to state of an account, even where no single id says which
}

// Tokens is what an answer says it used.
type Tokens struct {
	Input, Output int64 // as far as the answer said
	Known         bool  // false: it did not say all
}

// Seen is what came of an answer, whatever it says of itself.
type Seen struct {
	Input bool  // it has said how much input it used
	Text  int64 // bytes of text; of an answer that is no stream, of all of it
}

// Meter reads the usage, and the ids of state that it created, from a copy of
// an answer's body. Write never fails and keeps a bounded amount.
type Meter interface {
	Write(p []byte) (int, error)
	Tokens() Tokens
	Seen() Seen
	StateIDs() []string // ids that later requests may refer to; at most 16
}

// Adapter speaks one provider's dialect. It keeps no state and is safe for
// concurrent use.
type Adapter interface {
	Info() Info
	// CheckBaseURL says why an upstream cannot be, as a *core.Error with a
	// hint, or gives it in the form to store.
	CheckBaseURL(raw string) (string, error)
	// CheckKey says why a text cannot be an API key of this provider: empty, a
	// line break in it, a Keyfob token.
	CheckKey(key secret.Secret) error
	// Apply points the request at the credential's upstream and puts the
	// credential on. req.URL.Path is the path below the gateway's
	// "/p/PROVIDER/NAMESPACE" as the client sent it; the client's own
	// credentials are gone already.
	Apply(req *http.Request, c Credential) error
	// Inspect reads the marks from the path, the headers and the first bytes
	// (at most 256 KiB) of the body, which may be cut anywhere.
	Inspect(method, path string, h http.Header, head []byte) Marks
	// OpensWithKey says whether a path, as Apply takes it, is one that an API
	// key opens. A refusal of the credential anywhere else, such as on paths
	// that take an administrator's key, says nothing of the credential.
	OpensWithKey(path string) bool
	// Classify judges an answer by its status, headers and the first 16 KiB of
	// its body (nil for 2xx).
	Classify(status int, h http.Header, body []byte, now time.Time) failover.Verdict
	// Event judges one server-sent event at the start of a stream: a verdict of
	// kind OK with prelude true says that the stream has not begun yet.
	Event(name string, data []byte, now time.Time) (v failover.Verdict, prelude bool)
	// RequestHeader and ResponseHeader say whether a header (canonical name)
	// may pass. Credentials and hop-by-hop headers never do.
	RequestHeader(name string) bool
	ResponseHeader(name string) bool
	// Meter makes a reader for an answer with this content type.
	Meter(contentType string) Meter
	// Error is a body in the provider's own error shape, so that its clients
	// show the message.
	Error(status int, message string) (contentType string, body []byte)
	// ModelsRequest is a GET that costs nothing and proves a credential, with a
	// path as Apply takes it.
	ModelsRequest() *http.Request
	// ParseModels reads the names from that request's answer.
	ParseModels(body []byte) ([]string, error)
}

// Registry is the adapters by id, as a value.
type Registry struct {
	order []string
	by    map[string]Adapter
}

// NewRegistry holds the adapters in this order.
func NewRegistry(adapters ...Adapter) Registry {
	r := Registry{by: make(map[string]Adapter, len(adapters))}
	for _, a := range adapters {
		id := a.Info().ID
		if _, dup := r.by[id]; !dup {
			r.order = append(r.order, id)
		}
		r.by[id] = a
	}
	return r
}

// Get finds an adapter, or gives a *core.Error that names those there are.
func (r Registry) Get(id string) (Adapter, error) {
	if a, ok := r.by[id]; ok {
		return a, nil
	}
	return nil, core.Errorf(core.Invalid, "unknown provider %q", id).WithField("provider").
		WithHint("the providers are %s; for any other service use openai-compatible or anthropic-compatible with --base-url", joinIDs(r.order))
}

// IDs lists the adapters in order.
func (r Registry) IDs() []string { return append([]string(nil), r.order...) }

func joinIDs(ids []string) string {
	s := ""
	for i, id := range ids {
		switch {
		case i == 0:
		case i == len(ids)-1:
			s += " and "
		default:
			s += ", "
		}
		s += id
	}
	return s
}
