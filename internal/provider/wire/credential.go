package wire

import (
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/secret"
)

// credentialHeaders are where clients of any provider put a credential, or the
// name of the organisation or project that theirs belongs to.
var credentialHeaders = [...]string{
	"Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key",
	"X-Goog-Iam-Authorization-Token", "X-Goog-User-Project", "X-Auth-Token", "Cookie",
	"Openai-Organization", "Openai-Project", "Chatgpt-Account-Id",
}

// Strip removes the client's credentials from the headers. The gateway has done
// so already; this is the second lock on the same door.
func Strip(h http.Header) {
	for _, name := range credentialHeaders {
		delete(h, name)
	}
	for name := range h {
		if IsCredential(http.CanonicalHeaderKey(name)) {
			delete(h, name)
		}
	}
}

// IsCredential says whether a header (canonical name) is one that Strip removes.
func IsCredential(name string) bool { return slices.Contains(credentialHeaders[:], name) }

// StripQuery removes the parameters that carry credentials and leaves every other
// byte of the query as it is.
func StripQuery(raw string) string {
	if raw == "" {
		return ""
	}
	kept := make([]string, 0, 4)
	for pair := range strings.SplitSeq(raw, "&") {
		if !provider.SecretPart(pair) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// Prepare strips the client's credentials, points the request at the upstream
// (see Point) and returns the text of the key for the one header that takes it.
// It asks for an answer without compression, so that usage can be read from a
// copy.
func Prepare(req *http.Request, c provider.Credential, drop string) (string, error) {
	if c.Kind != core.APIKey {
		return "", core.Errorf(core.Internal, "this provider takes API keys only")
	}
	if c.Value.IsZero() {
		return "", core.Errorf(core.Internal, "the account has no key")
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	Strip(req.Header)
	if err := Point(req, c, drop); err != nil {
		return "", err
	}
	req.Header.Set("Accept-Encoding", "identity")
	return string(c.Value.Reveal()), nil
}

// Foreign is a kind of key that a provider does not take, known by its first
// characters.
type Foreign struct {
	Prefix  string
	Message string
	Hint    string
}

// Key checks a text as an API key: something that fits a header, no Keyfob
// token, none of the foreign ones. The text itself is in no error.
func Key(key secret.Secret, foreign ...Foreign) error {
	s := string(key.Reveal())
	for _, rule := range []struct {
		bad       bool
		msg, hint string
	}{
		{s == "", "the key is empty", "paste the whole key; it is not shown"},
		{strings.ContainsAny(s, "\r\n"), "the key has a line break in it", "paste the key alone, on one line"},
		{strings.TrimSpace(s) != s, "the key begins or ends with white space", "paste the key alone"},
		{!headerSafe(s), "the key has characters that no API key has", "paste the key alone: letters, digits and punctuation, no spaces"},
		{isKeyfob(s), "this is one of Keyfob's own keys, not the provider's", "take an API key from the provider's own pages"},
	} {
		if rule.bad {
			return badKey(rule.msg, rule.hint)
		}
	}
	for _, f := range foreign {
		if strings.HasPrefix(s, f.Prefix) {
			return badKey(f.Message, f.Hint)
		}
	}
	return nil
}

func badKey(msg, hint string) error {
	return core.Errorf(core.Invalid, "%s", msg).WithField("key").WithHint("%s", hint)
}

func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isKeyfob(s string) bool {
	for _, p := range []string{core.SessionKeyPrefix, core.GatewayKeyPrefix, "kfp_"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
