// Package anthropic speaks the Anthropic Messages dialect, for Anthropic itself
// and for servers that speak it too.
package anthropic

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

// Version is the API version that Keyfob's own requests name.
const Version = "2023-06-01"

// Adapter implements provider.Adapter.
type Adapter struct {
	info   provider.Info
	bearer bool // the key goes as a bearer token too
}

// New is Anthropic itself. Its keys come from the console; signing in with a
// consumer subscription is reserved to Anthropic's own applications, so its
// tokens are refused.
func New() Adapter {
	return Adapter{info: provider.Info{
		ID: "anthropic", Title: "Anthropic", BaseURL: "https://api.anthropic.com", Dialect: "anthropic",
		Policy: provider.Policy{
			Verdict: "allowed",
			Note:    "API keys are allowed. Signing in with a consumer subscription is reserved to Anthropic's own applications.",
		},
		KeyPage: "https://console.anthropic.com/settings/keys",
		KeyVars: []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"},
	}}
}

// Compatible is any server that speaks the dialect. Some of them take the key
// as x-api-key and some as a bearer token, so it goes both ways, to the one
// host that it belongs to.
func Compatible() Adapter {
	return Adapter{bearer: true, info: provider.Info{
		ID: "anthropic-compatible", Title: "Anthropic-compatible service", Dialect: "anthropic",
		Policy: provider.Policy{Verdict: "allowed", Note: "The service's own terms apply."},
	}}
}

// Info implements provider.Adapter.
func (a Adapter) Info() provider.Info { return a.info }

// CheckBaseURL implements provider.Adapter. The dialect's SDKs take the address
// without /v1; one with it is taken to mean the same.
func (a Adapter) CheckBaseURL(raw string) (string, error) {
	base, err := wire.Base(raw, a.info.BaseURL)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, "/v1"), nil
}

// CheckKey implements provider.Adapter.
func (a Adapter) CheckKey(key secret.Secret) error {
	if a.info.BaseURL == "" {
		return wire.Key(key)
	}
	return wire.Key(key, foreign...)
}

var foreign = []wire.Foreign{
	{Prefix: "sk-ant-oat", Message: "this is a sign-in token of a Claude subscription, which Anthropic reserves to its own applications", Hint: "create an API key at https://console.anthropic.com/settings/keys"},
	{Prefix: "sk-ant-ort", Message: "this is a refresh token of a Claude subscription, which Anthropic reserves to its own applications", Hint: "create an API key at https://console.anthropic.com/settings/keys"},
	{Prefix: "sk-ant-admin", Message: "this is an admin key, which cannot call models", Hint: "create an API key at https://console.anthropic.com/settings/keys"},
}

// Apply implements provider.Adapter.
func (a Adapter) Apply(req *http.Request, c provider.Credential) error {
	key, err := wire.Prepare(req, c, "")
	if err != nil {
		return err
	}
	req.Header.Set("X-Api-Key", key)
	if a.bearer {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return nil
}

// OpensWithKey implements provider.Adapter: /v1/organizations takes an admin
// key.
func (Adapter) OpensWithKey(path string) bool {
	return slices.Contains(keyPaths, wire.First(path, "v1"))
}

var keyPaths = []string{"messages", "models", "complete", "files", "skills"}

// RequestHeader implements provider.Adapter.
func (Adapter) RequestHeader(name string) bool {
	return wire.Allowed(name, wire.RequestHeaders, requestHeaders)
}

// ResponseHeader implements provider.Adapter.
func (Adapter) ResponseHeader(name string) bool {
	return wire.Allowed(name, wire.ResponseHeaders, responseHeaders)
}

var (
	requestHeaders = []string{
		"Anthropic-Version", "Anthropic-Beta", "Anthropic-Dangerous-Direct-Browser-Access",
		"X-App", "X-Claude-Code-Session-Id",
	}
	responseHeaders = []string{"Anthropic-Ratelimit-*"}
)

// Error implements provider.Adapter.
func (Adapter) Error(status int, message string) (string, []byte) {
	type detail struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(struct {
		Type  string `json:"type"`
		Error detail `json:"error"`
	}{"error", detail{errorType(status), message}}) // two strings: never fails
	return "application/json", body
}

// errorType is the type that Anthropic gives with a status.
func errorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusServiceUnavailable, 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// ModelsRequest implements provider.Adapter.
func (Adapter) ModelsRequest() *http.Request {
	req := wire.Get("/v1/models", "limit=1000")
	req.Header.Set("Anthropic-Version", Version)
	return req
}

// ParseModels implements provider.Adapter.
func (Adapter) ParseModels(body []byte) ([]string, error) { return wire.Models(body, "data", "id", "") }

var _ provider.Adapter = Adapter{}
