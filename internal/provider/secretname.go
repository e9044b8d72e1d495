package provider

import (
	"net/url"
	"slices"
	"strings"
)

// Names as credentials have them, in small letters and digits alone. The lists
// are of words that no parameter of a request to a model has.
var (
	secretNames = []string{"key", "token", "auth", "sig", "jwt", "pwd", "sas", "httpheaders"} // the last: of Google's $httpHeaders
	secretParts = []string{"apikey", "authorization", "bearer", "cookie", "credential", "passwd", "password", "secret", "signature"}
	secretEnds  = []string{
		"accesskey", "accesskeyid", "privatekey", "subscriptionkey", "apitoken", "accesstoken", "authtoken", "bearertoken",
		"idtoken", "oauthtoken", "refreshtoken", "securitytoken", "sessiontoken",
	}
)

// SecretName says whether a parameter of a query is named as credentials are, in
// whatever spelling.
func SecretName(name string) bool {
	n := letters(name)
	return slices.Contains(secretNames, n) ||
		slices.ContainsFunc(secretParts, func(s string) bool { return strings.Contains(n, s) }) ||
		slices.ContainsFunc(secretEnds, func(s string) bool { return strings.HasSuffix(n, s) })
}

// SecretHeader is SecretName of a header. Those that end in a word for a
// credential are one, too: the key that marks a repeat is the only one that
// adapters allow and that is none.
func SecretHeader(name string) bool {
	n := letters(name)
	if n == "idempotencykey" {
		return false
	}
	return SecretName(n) || strings.HasSuffix(n, "key") || strings.HasSuffix(n, "token") || strings.HasSuffix(n, "auth")
}

// SecretPart says whether one part of a query, between two "&", sets a parameter
// that SecretName knows, read in any of the ways in which servers read one: with
// ";" between parameters or not, with "key[]" or "key.x" as "key". What cannot
// be decoded, or has a name that is encoded twice, counts as one: the upstream
// may read it in ways that we do not.
func SecretPart(part string) bool {
	text, err := url.QueryUnescape(part)
	if err != nil {
		return true
	}
	for p := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '&' }) {
		name, _, _ := strings.Cut(p, "=")
		if strings.Contains(name, "%") {
			return true
		}
		if i := strings.IndexAny(name, "[."); i > 0 {
			name = name[:i]
		}
		if SecretName(name) {
			return true
		}
	}
	return false
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}
