package provider

import "testing"

// The gateway took "key" and "access_token" out of a query, and let through what
// a server reads as the same.
func TestSecretPart(t *testing.T) {
	for _, part := range []string{
		"key=x", "KEY=x", "%6bey=x", "api_key=x", "api-key=x", "apikey=x", "x-goog-api-key=x", "key[]=x", "key%5B%5D=x", "key[a]=x", "key.a=x", "$key=x",
		"a=1;key=x", "a=1%3Bkey=x", "a=1%26key=x", ";token=x", "oauth_token=x", "access_token=x", "bearer_token=x", "token=x", "bearer=x", "sig=x",
		"authorization=x", "client_secret=x", "password=x", "X-Amz-Signature=x", "X-Amz-Security-Token=x", "$httpHeaders=Authorization:x",
		"%256bey=x", "a=%zz", "%", "key",
	} {
		if !SecretPart(part) {
			t.Errorf("%q passes", part)
		}
	}
	for _, part := range []string{
		"", "alt=sse", "pageToken=p", "page_token=p", "next_token=p", "monkey=m", "max_tokens=5", "limit=20", "after=a%3Bb", "beta=true",
		"include[]=a", "metadata[key]=v", "keyword=k", "q=100%25", "api-version=2024-06-01", "order=desc", "author=a", "$alt=json", "upload_id=u",
	} {
		if SecretPart(part) {
			t.Errorf("%q does not pass", part)
		}
	}
}

func TestSecretHeader(t *testing.T) {
	for _, name := range []string{
		"Authorization", "X-Api-Key", "X-Stainless-Api-Key", "X-Codex-Authorization", "X-Stainless-Token", "X-Codex-Auth", "X-Openrouter-Key",
		"X-Codex-Cookie", "X-Stainless-Secret-Name", "X_Api_Key",
	} {
		if !SecretHeader(name) {
			t.Errorf("%s passes", name)
		}
	}
	for _, name := range []string{
		"Idempotency-Key", "X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Retry-Count", "X-Stainless-Helper-Method",
		"X-Codex-Turn-State", "X-Codex-Turn-Metadata", "X-Codex-Window-Id", "X-Codex-Beta-Features", "X-Codex-Primary-Used-Percent", "Session_id",
		"X-Ratelimit-Remaining-Tokens", "Anthropic-Ratelimit-Tokens-Reset", "X-Request-Id", "X-Openrouter-Title", "X-Claude-Code-Session-Id",
	} {
		if SecretHeader(name) {
			t.Errorf("%s does not pass", name)
		}
	}
}
