package wire

import "strings"

// Headers is an allow-list of canonical header names. A name that ends in "*"
// allows all that begin so. Credentials pass in no list.
type Headers struct {
	names    map[string]bool
	prefixes []string
}

// NewHeaders makes a list.
func NewHeaders(lists ...[]string) Headers {
	h := Headers{names: map[string]bool{}}
	for _, list := range lists {
		for _, n := range list {
			if p, ok := strings.CutSuffix(n, "*"); ok {
				h.prefixes = append(h.prefixes, p)
				continue
			}
			h.names[n] = true
		}
	}
	return h
}

// Has says whether a header (canonical name) is allowed.
func (h Headers) Has(name string) bool {
	if h.names[name] {
		return true
	}
	for _, p := range h.prefixes {
		if strings.HasPrefix(name, p) {
			return !IsCredential(name)
		}
	}
	return false
}

// RequestHeaders pass to every provider. Accept-Encoding does not: see Prepare.
// X-Stainless-* is what the official SDKs say of themselves.
var RequestHeaders = []string{
	"Accept", "Content-Encoding", "Content-Length", "Content-Type", "Idempotency-Key",
	"User-Agent", "X-Request-Id", "X-Client-Request-Id", "X-Stainless-*",
	"Session_id", "Session-Id", "X-Session-Id", "X-Session-Affinity",
}

// ResponseHeaders pass from every provider. What names the account's
// organisation, sets a cookie or sends the client elsewhere does not.
var ResponseHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
	"Content-Type", "Date", "Etag", "Last-Modified", "Request-Id", "Retry-After", "Retry-After-Ms",
	"X-Accel-Buffering", "X-Content-Type-Options", "X-Request-Id", "X-Should-Retry", "X-Ratelimit-*",
}
