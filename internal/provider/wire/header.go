package wire

import (
	"strings"

	"keyfob/internal/provider"
)

// Allowed says whether a header (canonical name) is in one of the allow-lists.
// An entry that ends in "*" allows all that begin so. No list allows a
// credential, and none with a "*" what is named as one.
func Allowed(name string, lists ...[]string) bool {
	for _, list := range lists {
		for _, entry := range list {
			if entry == name {
				return !IsCredential(name)
			}
			if p, ok := strings.CutSuffix(entry, "*"); ok && strings.HasPrefix(name, p) {
				return !IsCredential(name) && !provider.SecretHeader(name)
			}
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
// organisation, sets a cookie or sends the client elsewhere does not; how an
// answer may be kept or shown, the gateway says itself.
var ResponseHeaders = []string{
	"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
	"Content-Type", "Date", "Etag", "Last-Modified", "Request-Id", "Retry-After", "Retry-After-Ms",
	"X-Accel-Buffering", "X-Request-Id", "X-Should-Retry", "X-Ratelimit-*",
}
