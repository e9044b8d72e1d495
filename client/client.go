// Package client is the Go SDK of Keyfob's HTTP API.
//
// A Client acts for a person, an administrator (see Org) or a launcher (see
// For); a Workspace, made from a session key, acts for code that runs inside a
// live workspace. Every error that the server gave is an *api.Error, so
// errors.Is(err, &api.Error{Code: api.CodeNotFound}) holds.
//
// What changes nothing is sent again where the server could not be reached or
// said when to come back: three times at most. So is what makes a record, by an
// Idempotency-Key that lets the server make it once. Everything else is sent
// again only where nothing of it had been written.
package client

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"time"

	"keyfob/api"
)

// MaxAnswer is the largest answer that is read into memory, in bytes.
const MaxAnswer = 64 << 20

// DefaultTimeout is how long one try may take where Options do not say.
const DefaultTimeout = 2 * time.Minute

// Options say how a Client reaches its server.
type Options struct {
	// BaseURL is the server's address, such as "http://127.0.0.1:4780". It is
	// required.
	BaseURL string
	// Transport carries the requests; nil is http.DefaultTransport, or with
	// Roots one like it.
	Transport http.RoundTripper
	// Roots are the authorities that the server's certificate may be from; nil
	// are the system's. They count where Transport is nil.
	Roots *x509.CertPool
	// Token goes as "Authorization: Bearer"; the empty value sends none.
	Token api.Key
	// Timeout bounds one try, from dialling to the last byte of the answer; 0
	// is DefaultTimeout. Streams are bounded by their context alone.
	Timeout time.Duration
}

// Client speaks for a person or a launcher. It is safe for concurrent use.
type Client struct {
	wire
	records string // the path before records that more than one party has
	places  string // and before workspaces
}

// New makes a Client; it does no I/O.
func New(o Options) *Client {
	return &Client{wire: newWire(o, "check the address and the network"), records: "/v1", places: "/v1"}
}

// Org is the same Client for the organisation's records: secrets, accounts,
// pools, usage and the audit trail. It takes an administrator.
func (c *Client) Org() *Client {
	out := *c
	out.records = "/v1/org"
	return &out
}

// For is the same Client for workspaces of a user, by name. It takes a launcher.
func (c *Client) For(user string) *Client {
	out := *c
	out.places = "/v1/users/" + url.PathEscape(user)
	return &out
}

func transportOf(o Options) http.RoundTripper {
	if o.Transport != nil || o.Roots == nil {
		return o.Transport
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	return t
}
