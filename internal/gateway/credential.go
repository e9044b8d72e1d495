package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// keyHeaders are where clients put an API key, besides Authorization.
var keyHeaders = [...]string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"}

// gatewayKey finds the gateway key wherever clients put a key, and says whether
// it is in the query alone. Other credentials beside one are no fault: they go
// no further. Without one, the error says what was sent instead, never its text.
func gatewayKey(r *http.Request) (key string, inQuery bool, err error) {
	found := false
	for _, v := range r.Header["Authorization"] {
		if k := bearer(v); core.IsToken(k, core.GatewayKeyPrefix) {
			return k, false, nil
		}
		found = true
	}
	for _, name := range keyHeaders {
		for _, v := range r.Header[name] {
			if core.IsToken(v, core.GatewayKeyPrefix) {
				return v, false, nil
			}
			found = true
		}
	}
	key, inQuery = queryKey(r.URL.RawQuery)
	if core.IsToken(key, core.GatewayKeyPrefix) {
		return key, true, nil
	}
	return "", false, noKey(found || inQuery)
}

// bearer gives the token of "Bearer TOKEN".
func bearer(v string) string {
	scheme, token, ok := strings.Cut(v, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func queryKey(raw string) (value string, found bool) {
	for pair := range strings.SplitSeq(raw, "&") {
		name, v, _ := strings.Cut(pair, "=")
		if name == "key" {
			return v, true
		}
	}
	return "", false
}

// keyInQuery refuses a key that a link could hold, where no client sends one so.
func keyInQuery() error {
	return core.Errorf(core.Unauthenticated, "this provider's clients send no key in the query").WithReason("no_gateway_key").
		WithHint("send the workspace's KEYFOB_GATEWAY_KEY in the header where the provider's key would stand")
}

func noKey(found bool) error {
	if found {
		return core.Errorf(core.Unauthenticated, "the key in this request is not a Keyfob gateway key and was not sent on").WithReason("not_gateway_key").
			WithHint("let the client use the KEYFOB_GATEWAY_KEY of its workspace; the provider's own key is put on by the gateway")
	}
	return core.Errorf(core.Unauthenticated, "the request carries no gateway key").WithReason("no_gateway_key").
		WithHint("send the workspace's KEYFOB_GATEWAY_KEY where the provider's key would stand")
}

// stripQuery takes the client's credentials out of a query, by the parameter's
// name or since the value holds the gateway key, and leaves every other byte as
// it is.
func stripQuery(raw, key string) string {
	if raw == "" {
		return ""
	}
	kept := make([]string, 0, 8)
	for pair := range strings.SplitSeq(raw, "&") {
		text, err := url.QueryUnescape(pair)
		if err == nil && !provider.SecretPart(pair) && !strings.Contains(text, key) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// neverPass are the headers that go no further whatever an adapter allows: the
// client's credentials, what belongs to one connection, and what tells the way
// a request took.
var neverPass = map[string]bool{
	"Authorization": true, "X-Api-Key": true, "Api-Key": true, "X-Goog-Api-Key": true, "X-Auth-Token": true,
	"Cookie": true, "Set-Cookie": true, "Set-Cookie2": true, "Proxy-Authorization": true, "Proxy-Authenticate": true,
	"Www-Authenticate": true, "Authentication-Info": true, "Proxy-Authentication-Info": true,
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Expect": true, "Host": true, "Origin": true, "Referer": true,
	"Forwarded": true, "X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true,
	"X-Forwarded-Port": true, "X-Real-Ip": true, "Via": true, "Location": true, "Alt-Svc": true,
	"Strict-Transport-Security": true, "Accept-Encoding": true, "Content-Length": true,
}

// requestHeader is what goes upstream of the client's headers.
func requestHeader(in http.Header, allowed func(string) bool, key string) http.Header {
	out := make(http.Header, len(in)+2)
	for name, values := range in {
		if neverPass[name] || provider.SecretHeader(name) || !allowed(name) || named(in, name) || holds(values, key) {
			continue
		}
		out[name] = values
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = nil // or net/http would say its own name
	}
	return out
}

// named says whether the Connection header makes a header hop-by-hop.
func named(h http.Header, name string) bool {
	for _, v := range h["Connection"] {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), name) {
				return true
			}
		}
	}
	return false
}

func holds(values []string, key string) bool {
	for _, v := range values {
		if strings.Contains(v, key) {
			return true
		}
	}
	return false
}
