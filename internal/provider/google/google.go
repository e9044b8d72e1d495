// Package google speaks the Gemini API (Google AI Studio).
package google

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

// Adapter implements provider.Adapter.
type Adapter struct{}

// New is the Gemini API.
func New() Adapter { return Adapter{} }

// Info implements provider.Adapter.
func (Adapter) Info() provider.Info {
	return provider.Info{
		ID: "google", Title: "Google Gemini", BaseURL: "https://generativelanguage.googleapis.com", Dialect: "google",
		Policy: provider.Policy{
			Verdict: "allowed",
			Note:    "AI Studio keys are allowed. Signing in as the Gemini CLI is reserved to that program.",
		},
		KeyPage:    "https://aistudio.google.com/apikey",
		KeyVars:    []string{"GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"},
		KeyInQuery: true,
	}
}

// CheckBaseURL implements provider.Adapter. Google's SDKs take the address
// without the version; one with it is taken to mean the same.
func (a Adapter) CheckBaseURL(raw string) (string, error) {
	base, err := wire.Base(raw, a.Info().BaseURL)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(base, "/v1beta"), "/v1"), nil
}

// CheckKey implements provider.Adapter.
func (Adapter) CheckKey(key secret.Secret) error { return wire.Key(key, foreign...) }

var foreign = []wire.Foreign{
	{Prefix: "ya29.", Message: "this is an OAuth access token, which ends within the hour", Hint: "create an API key at https://aistudio.google.com/apikey"},
	{Prefix: "sk-ant-", Message: "this is an Anthropic key", Hint: "add it with: keyfob account add anthropic"},
}

// Apply implements provider.Adapter. The OpenAI dialect that Google serves
// beside its own (below /openai/) takes the same key as a bearer token.
func (Adapter) Apply(req *http.Request, c provider.Credential) error {
	key, err := wire.Prepare(req, c, "")
	if err != nil {
		return err
	}
	if strings.Contains(req.URL.Path, "/openai/") {
		req.Header.Set("Authorization", "Bearer "+key)
		return nil
	}
	req.Header.Set("X-Goog-Api-Key", key)
	return nil
}

// OpensWithKey implements provider.Adapter.
func (Adapter) OpensWithKey(path string) bool {
	return slices.Contains(keyPaths, wire.First(path, "upload", "v1", "v1beta", "v1alpha"))
}

var keyPaths = []string{"models", "tunedModels", "files", "cachedContents", "batches", "openai"}

// RequestHeader implements provider.Adapter.
func (Adapter) RequestHeader(name string) bool {
	return wire.Allowed(name, wire.RequestHeaders, requestHeaders)
}

// ResponseHeader implements provider.Adapter. The address of a resumable upload
// does not pass: it would lead the client around the gateway.
func (Adapter) ResponseHeader(name string) bool {
	return wire.Allowed(name, wire.ResponseHeaders, responseHeaders)
}

var (
	requestHeaders  = []string{"X-Goog-Api-Client", "X-Server-Timeout"}
	responseHeaders = []string{"Vary"}
)

// Error implements provider.Adapter, in the form of google.rpc.Status.
func (Adapter) Error(status int, message string) (string, []byte) {
	type detail struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	body, _ := json.Marshal(struct {
		Error detail `json:"error"`
	}{detail{status, message, statusName(status)}}) // strings and a number: never fails
	return "application/json", body
}

func statusName(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusInternalServerError:
		return "INTERNAL"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	if status >= 500 {
		return "UNAVAILABLE"
	}
	return "FAILED_PRECONDITION"
}

// ModelsRequest implements provider.Adapter.
func (Adapter) ModelsRequest() *http.Request { return wire.Get("/v1beta/models", "pageSize=1000") }

// ParseModels implements provider.Adapter.
func (Adapter) ParseModels(body []byte) ([]string, error) {
	return wire.Models(body, "models", "name", "models/")
}

var _ provider.Adapter = Adapter{}
