// Package openai speaks the OpenAI dialect (chat completions, responses and
// what stands beside them), for OpenAI itself and for services that speak it
// too, which are rows of a table.
package openai

import (
	"encoding/json"
	"net/http"
	"slices"

	"keyfob/failover"
	"keyfob/internal/provider"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

// Service is one service that speaks the dialect.
type Service struct {
	Info    provider.Info
	Probe   string         // path that proves a key; empty: /models
	Limits  failover.Scope // what a 429 that says nothing else holds for; Request (zero): the model
	Headers []string       // of requests, beside the dialect's own
	Foreign []wire.Foreign // keys of others, which are taken for this one's by mistake
}

// Adapter implements provider.Adapter.
type Adapter struct{ s Service }

// New is the adapter for a service.
func New(s Service) Adapter {
	s.Info.Dialect = "openai"
	if s.Probe == "" {
		s.Probe = "/models"
	}
	if s.Limits == failover.Request {
		s.Limits = failover.Model
	}
	return Adapter{s: s}
}

// Info implements provider.Adapter.
func (a Adapter) Info() provider.Info { return a.s.Info }

// CheckBaseURL implements provider.Adapter. The dialect's SDKs take the address
// with /v1.
func (a Adapter) CheckBaseURL(raw string) (string, error) { return wire.Base(raw, a.s.Info.BaseURL) }

// CheckKey implements provider.Adapter.
func (a Adapter) CheckKey(key secret.Secret) error { return wire.Key(key, a.s.Foreign...) }

// Apply implements provider.Adapter. A leading /v1 of the path is the client's
// own base URL, so it gives way to the account's.
func (a Adapter) Apply(req *http.Request, c provider.Credential) error {
	key, err := wire.Prepare(req, c, "/v1")
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	return nil
}

// OpensWithKey implements provider.Adapter: /organization takes an admin key.
func (Adapter) OpensWithKey(path string) bool {
	return slices.Contains(keyPaths, wire.First(path, "v1"))
}

var keyPaths = []string{
	"chat", "responses", "completions", "conversations", "messages", "models", "embeddings", "rerank", "moderations",
	"images", "audio", "videos", "realtime", "files", "uploads", "batches", "fine_tuning", "assistants", "threads",
	"vector_stores", "containers", "evals", "key",
}

// RequestHeader implements provider.Adapter.
func (a Adapter) RequestHeader(name string) bool {
	return wire.Allowed(name, wire.RequestHeaders, requestHeaders, a.s.Headers)
}

// ResponseHeader implements provider.Adapter.
func (Adapter) ResponseHeader(name string) bool {
	return wire.Allowed(name, wire.ResponseHeaders, responseHeaders)
}

// requestHeaders are those of the dialect's clients: Codex sends Originator,
// Version, Conversation_id, Thread-Id and X-Codex-*, xAI's SDKs
// X-Grok-Conv-Id. The organisation and project of the client's own key do not
// pass: they would be wrong with an account's.
var requestHeaders = []string{
	"Openai-Beta", "Originator", "Version", "Conversation_id", "Conversation-Id", "Thread-Id",
	"X-Codex-*", "X-Grok-Conv-Id",
}

var responseHeaders = []string{"Openai-Processing-Ms", "Openai-Version", "Openai-Model", "X-Codex-*"}

// Error implements provider.Adapter.
func (Adapter) Error(status int, message string) (string, []byte) {
	type detail struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	kind, code := errorType(status)
	d := detail{Message: message, Type: kind}
	if code != "" {
		d.Code = &code
	}
	body, _ := json.Marshal(struct {
		Error detail `json:"error"`
	}{d}) // strings alone: never fails
	return "application/json", body
}

func errorType(status int) (kind, code string) {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error", "invalid_api_key"
	case http.StatusForbidden:
		return "permission_error", ""
	case http.StatusTooManyRequests:
		return "rate_limit_error", "rate_limit_exceeded"
	}
	if status >= 500 {
		return "server_error", ""
	}
	return "invalid_request_error", ""
}

// ModelsRequest implements provider.Adapter.
func (a Adapter) ModelsRequest() *http.Request { return wire.Get("/v1"+a.s.Probe, "") }

// ParseModels implements provider.Adapter.
func (Adapter) ParseModels(body []byte) ([]string, error) {
	return wire.Models(body, "data", "id", "")
}

var _ provider.Adapter = Adapter{}
