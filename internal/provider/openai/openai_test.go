package openai_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/provider/openai"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func adapter(id string) openai.Adapter {
	for _, s := range append(openai.Others(), openai.OpenAI(), openai.Compatible()) {
		if s.Info.ID == id {
			return openai.New(s)
		}
	}
	panic(id)
}

func failure(kind, code, msg string) string {
	return `{"error":{"message":"` + msg + `","type":"` + kind + `","param":null,"code":"` + code + `"}}`
}

func limited(s failover.Scope, d time.Duration, reason string) failover.Verdict {
	if d == 0 {
		return wire.Limited(s, time.Time{}, reason)
	}
	return wire.Limited(s, now.Add(d), reason)
}

func TestClassify(t *testing.T) {
	model := func(d time.Duration) failover.Verdict { return limited(failover.Model, d, wire.ReasonLimited) }
	const rate = "Rate limit reached for gpt-x in organization org-1 on requests per min"
	for _, tc := range []struct {
		name, id string
		status   int
		header   string
		body     string
		want     failover.Verdict
	}{
		{"200", "openai", 200, "", "", failover.Verdict{}},
		{"429", "openai", 429, "Retry-After: 20", failure("requests", "rate_limit_exceeded", rate), model(20 * time.Second)},
		{"429 reset headers", "openai", 429, "X-Ratelimit-Remaining-Requests: 9\nX-Ratelimit-Reset-Requests: 6m0s\nX-Ratelimit-Remaining-Tokens: 0\nX-Ratelimit-Reset-Tokens: 17ms", failure("tokens", "rate_limit_exceeded", rate), model(17 * time.Millisecond)},
		{"429 without a word", "openai", 429, "", "", model(0)},
		{"insufficient_quota", "openai", 429, "Retry-After: 20", failure("insufficient_quota", "insufficient_quota", "You exceeded your current quota"), wire.NoCredit()},
		{"inactive billing", "openai", 429, "", failure("billing_not_active", "billing_not_active", "Your account is not active"), wire.NoCredit()},
		{"hard limit", "openai", 400, "", failure("invalid_request_error", "billing_hard_limit_reached", "x"), wire.NoCredit()},
		{"codex, at", "openai", 429, "", `{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached","plan_type":"plus","resets_at":1772370000}}`, limited(failover.QuotaGroup, time.Hour, wire.ReasonUsage)},
		{"codex, in", "openai", 429, "", `{"error":{"type":"usage_limit_reached","resets_in_seconds":90}}`, limited(failover.QuotaGroup, 90*time.Second, wire.ReasonUsage)},
		{"401", "openai", 401, "", failure("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-x."), wire.Dead(wire.ReasonKey)},
		{"401 deactivated", "openai", 401, "", failure("invalid_request_error", "account_deactivated", "x"), wire.Dead(wire.ReasonDisabled)},
		{"401 scopes", "openai", 401, "", failure("invalid_request_error", "", "You have insufficient permissions for this operation. Missing scopes: api.files.write."), wire.RequestOnly()},
		// One user asked for a model that the shared key may not use, and it was taken out of use for all.
		{"401 model, LiteLLM", "openai", 401, "", `{"error":{"message":"API Key not allowed to access model. This key can only access models=[good]","type":"key_model_access_denied","param":"model","code":"401"}}`, wire.RequestOnly()},
		{"401 model of a team", "openai", 401, "", failure("team_model_access_denied", "401", "x"), wire.RequestOnly()},
		{"401 model, by its code", "openai", 401, "", failure("invalid_request_error", "model_not_found", "x"), wire.RequestOnly()},
		{"401 key, which names a model", "openai", 401, "", failure("invalid_request_error", "invalid_api_key", "Incorrect API key provided for model x"), wire.Dead(wire.ReasonKey)},
		{"401 another organisation", "openai", 401, "", failure("invalid_request_error", "mismatched_organization", "x"), wire.RequestOnly()},
		{"403 region", "openai", 403, "", failure("request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported"), wire.RequestOnly()},
		{"403 model", "openai", 403, "", failure("invalid_request_error", "model_not_found", "Project `proj_1` does not have access to model `gpt-x`"), wire.RequestOnly()},
		{"403 unexplained", "openai", 403, "", "<html>Forbidden</html>", wire.Forbidden(now)},
		{"404 model", "openai", 404, "", failure("invalid_request_error", "model_not_found", "x"), wire.RequestOnly()},
		{"400", "openai", 400, "", failure("invalid_request_error", "context_length_exceeded", "x"), wire.RequestOnly()},
		{"503", "openai", 503, "Retry-After: 2", failure("server_error", "", "The engine is currently overloaded"), wire.Overloaded(now.Add(2 * time.Second))},
		{"500", "openai", 500, "", failure("server_error", "", "The server had an error"), wire.ServerError()},
		{"500 overloaded", "openai", 500, "", failure("server_error", "server_is_overloaded", "x"), wire.Overloaded(time.Time{})},
		{"502", "openrouter", 502, "", `{"error":{"code":502,"message":"Provider returned error"}}`, wire.ServerError()},
		{"402", "openrouter", 402, "", `{"error":{"code":402,"message":"Insufficient credits"}}`, wire.NoCredit()},
		{"402", "deepseek", 402, "", `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, wire.NoCredit()},
		{"403 key limit", "openrouter", 403, "", `{"error":{"code":403,"message":"Key limit exceeded (total limit)."}}`, wire.NoCredit()},
		{"403 moderation", "openrouter", 403, "", `{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged"}}`, wire.RequestOnly()},
		{"429 of the day", "openrouter", 429, "X-Ratelimit-Remaining: 0\nX-Ratelimit-Reset: 1772370000000", `{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day."}}`, limited(failover.QuotaGroup, time.Hour, wire.ReasonUsage)},
		{"429 of a model", "openrouter", 429, "", `{"error":{"code":429,"message":"Provider returned error"}}`, model(0)},
		{"498", "groq", 498, "", "", wire.Overloaded(time.Time{})},
		{"429", "groq", 429, "Retry-After: 7.66", failure("tokens", "rate_limit_exceeded", "Rate limit reached for model `m` in organization"), model(7660 * time.Millisecond)},
		{"429", "mistral", 429, "", `{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","code":"1300"}`, limited(failover.QuotaGroup, 0, wire.ReasonLimited)},
		{"429 of a model", "mistral", 429, "", `{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","code":"3505"}`, model(0)},
		{"401", "mistral", 401, "", `{"detail":"Unauthorized"}`, wire.Dead(wire.ReasonKey)},
		{"400 bad key", "xai", 400, "", `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***"}`, wire.Dead(wire.ReasonKey)},
		{"403 credits", "xai", 403, "", `{"code":"The caller does not have permission","error":"Your newly created team doesn't have any credits yet."}`, wire.NoCredit()},
		{"no shape", "openai-compatible", 429, "", "slow down", model(0)},
	} {
		t.Run(tc.id+" "+tc.name, func(t *testing.T) {
			if got := adapter(tc.id).Classify(tc.status, header(tc.header), []byte(tc.body), now); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func header(lines string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(lines, "\n") {
		if name, v, ok := strings.Cut(line, ": "); ok {
			h.Set(name, v)
		}
	}
	return h
}

func TestEvent(t *testing.T) {
	chunk := func(delta, finish string) string {
		return `{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}]}`
	}
	for _, tc := range []struct {
		name, data string
		want       failover.Verdict
		prelude    bool
	}{
		{"", "", failover.Verdict{}, true},
		{"response.created", `{"type":"response.created","response":{"error":null}}`, failover.Verdict{}, true},
		{"", `{"type":"response.in_progress"}`, failover.Verdict{}, true},
		{"response.output_item.added", `{}`, failover.Verdict{}, false},
		{"", chunk(`{"role":"assistant","content":""}`, "null"), failover.Verdict{}, true},
		{"", chunk(`{"role":"assistant","content":null}`, "null"), failover.Verdict{}, true},
		{"", chunk(`{"role":"assistant","content":"Hi"}`, "null"), failover.Verdict{}, false},
		{"", chunk(`{"role":"assistant","tool_calls":[{"id":"x"}]}`, "null"), failover.Verdict{}, false},
		{"", chunk(`{"role":"assistant","content":""}`, `"stop"`), failover.Verdict{}, false},
		{"", chunk(`{"content":"Hi"}`, "null"), failover.Verdict{}, false},
		{"", "[DONE]", failover.Verdict{}, false},
		{"", `{"error":null,"choices":[{"delta":{"content":"x"}}]}`, failover.Verdict{}, false},
		{"error", `{"type":"error","code":"rate_limit_exceeded","message":"x"}`, limited(failover.Model, 0, wire.ReasonLimited), false},
		{"", `{"type":"error","error":{"type":"invalid_request_error","code":"rate_limit_exceeded","message":"x"}}`, limited(failover.Model, 0, wire.ReasonLimited), false},
		{"response.failed", `{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"x"}}}`, limited(failover.Model, 0, wire.ReasonLimited), false},
		{"response.failed", `{"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"x"}}}`, wire.Overloaded(time.Time{}), false},
		{"response.failed", `{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"x"}}}`, wire.NoCredit(), false},
		{"response.failed", `{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}`, wire.ServerError(), false},
		{"response.failed", `{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"x"}}}`, wire.RequestOnly(), false},
		{"", `{"id":"g","error":{"code":429,"message":"Rate limited"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}`, limited(failover.Model, 0, wire.ReasonLimited), false},
		{"", `{"error":{"code":503,"message":"x"}}`, wire.Overloaded(time.Time{}), false},
		{"", `{"error":{"code":"server_error","message":"x"}}`, wire.ServerError(), false},
		{"", `{"error":"no shape"}`, wire.ServerError(), false},
	} {
		if v, prelude := adapter("openai").Event(tc.name, []byte(tc.data), now); v != tc.want || prelude != tc.prelude {
			t.Errorf("%s %s:\n%+v %v, want\n%+v %v", tc.name, tc.data, v, prelude, tc.want, tc.prelude)
		}
	}
}

func TestInspect(t *testing.T) {
	for _, tc := range []struct {
		name, target, header, body string
		want                       provider.Marks
	}{
		{"model", "POST /v1/chat/completions", "", `{"messages":[{"content":"\"model\":\"no\""}],"model":"gpt-x"}`, provider.Marks{Model: "gpt-x"}},
		{"prompt_cache_key", "POST /v1/responses", "", `{"model":"m","prompt_cache_key":"k-1"}`, provider.Marks{Model: "m", Conversation: "k-1"}},
		{"session before prompt_cache_key", "POST /v1/responses", "session_id: s-1", `{"prompt_cache_key":"app"}`, provider.Marks{Conversation: "s-1"}},
		{"opencode", "POST /v1/chat/completions", "X-Session-Id: ses_1", `{}`, provider.Marks{Conversation: "ses_1"}},
		{"grok", "POST /v1/chat/completions", "X-Grok-Conv-Id: g-1", `{}`, provider.Marks{Conversation: "g-1"}},
		{"openrouter", "POST /v1/chat/completions", "", `{"session_id":"o-1"}`, provider.Marks{Conversation: "o-1"}},
		{"user is a person", "POST /v1/chat/completions", "", `{"user":"alice","safety_identifier":"x"}`, provider.Marks{}},
		{"conversation", "POST /v1/responses", "", `{"conversation":"conv_1"}`, provider.Marks{Conversation: "conv_1", State: "conv_1", Stateful: true}},
		{"conversation object", "POST /v1/responses", "", `{"conversation":{"id":"conv_1"}}`, provider.Marks{Conversation: "conv_1", State: "conv_1", Stateful: true}},
		{"previous response", "POST /v1/responses", "", `{"previous_response_id":"resp_1"}`, provider.Marks{State: "resp_1", Stateful: true}},
		{"previous response over file", "POST /v1/responses", "", `{"input":[{"content":[{"file_id":"file-1"}]}],"previous_response_id":"resp_1"}`, provider.Marks{State: "resp_1", Stateful: true}},
		{"no previous response", "POST /v1/responses", "", `{"previous_response_id":null}`, provider.Marks{}},
		{"empty previous response", "POST /v1/responses", "", `{"previous_response_id":""}`, provider.Marks{}},
		{"encrypted reasoning", "POST /v1/responses", "", `{"input":[{"type":"reasoning","encrypted_content":"gAAA"}]}`, provider.Marks{Stateful: true}},
		{"long encrypted reasoning", "POST /v1/responses", "", `{"input":[{"type":"reasoning","encrypted_content":"` + strings.Repeat("g", 5000), provider.Marks{Stateful: true}},
		{"no encrypted reasoning", "POST /v1/responses", "", `{"include":["reasoning.encrypted_content"],"input":[{"encrypted_content":null}]}`, provider.Marks{}},
		{"item reference", "POST /v1/responses", "", `{"input":[{"type":"item_reference","id":"msg_1"}]}`, provider.Marks{Stateful: true}},
		{"file in a chat", "POST /v1/chat/completions", "", `{"messages":[{"content":[{"type":"file","file":{"file_id":"file-2"}}]}]}`, provider.Marks{State: "file-2", Stateful: true}},
		{"batch's input", "POST /v1/batches", "", `{"input_file_id":"file-3","endpoint":"/v1/responses"}`, provider.Marks{State: "file-3", Stateful: true}},
		{"vector store", "POST /v1/responses", "", `{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}`, provider.Marks{State: "vs_1", Stateful: true}},
		{"container", "POST /v1/responses", "", `{"tools":[{"type":"code_interpreter","container":"cntr_1"}]}`, provider.Marks{State: "cntr_1", Stateful: true}},
		{"automatic container", "POST /v1/responses", "", `{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, provider.Marks{}},
		{"response by id", "GET /v1/responses/resp_1/input_items", "", "", provider.Marks{State: "resp_1", Stateful: true}},
		{"cancel", "POST /v1/responses/resp_1/cancel", "", "", provider.Marks{State: "resp_1", Stateful: true}},
		{"batch by id", "GET /v1/batches/batch_1", "", "", provider.Marks{State: "batch_1", Stateful: true}},
		{"file in a store", "GET /v1/vector_stores/vs_1/files/file-1", "", "", provider.Marks{State: "file-1", Stateful: true}},
		{"files of a store", "GET /v1/vector_stores/vs_1/files", "", "", provider.Marks{State: "vs_1", Stateful: true}},
		{"list", "GET /v1/files", "", "", provider.Marks{Stateful: true}},
		{"upload", "POST /v1/files", "", "--boundary", provider.Marks{}},
		{"compact", "POST /v1/responses/compact", "", `{"model":"m"}`, provider.Marks{Model: "m"}},
		{"models", "GET /v1/models/gpt-x", "", "", provider.Marks{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tc.target, " ")
			if got := adapter("openai").Inspect(method, path, header(tc.header), []byte(tc.body)); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	for _, tc := range []struct {
		name, kind, body string
		want             provider.Tokens
		ids              []string
	}{
		{"chat", "application/json", `{"id":"chatcmpl-1","usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`, provider.Tokens{Input: 9, Output: 3, Known: true}, nil},
		{"embeddings", "application/json", `{"usage":{"prompt_tokens":9,"total_tokens":9}}`, provider.Tokens{Input: 9, Known: true}, nil},
		{"chat stream", "text/event-stream", "data: {\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n", provider.Tokens{Input: 9, Output: 3, Known: true}, nil},
		{"chat stream without usage", "text/event-stream", "data: {\"usage\":null}\n\ndata: [DONE]\n\n", provider.Tokens{}, nil},
		{"groq", "text/event-stream", "data: {\"x_groq\":{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}}\n\n", provider.Tokens{Input: 9, Output: 3, Known: true}, nil},
		{"response", "application/json", `{"id":"resp_1","usage":{"input_tokens":5,"output_tokens":6}}`, provider.Tokens{Input: 5, Output: 6, Known: true}, []string{"resp_1"}},
		{"response stream", "text/event-stream", "event: response.created\ndata: {\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\nevent: response.completed\ndata: {\"response\":{\"id\":\"resp_1\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}}\n\n", provider.Tokens{Input: 5, Output: 6, Known: true}, []string{"resp_1"}},
		{"file", "application/json; charset=utf-8", `{"object":"file","id":"file-1"}`, provider.Tokens{}, []string{"file-1"}},
		{"text of a model", "application/json", `{"choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":1}}"}}]}`, provider.Tokens{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := adapter("openai").Meter(tc.kind)
			_, _ = m.Write([]byte(tc.body))
			if got := m.Tokens(); got != tc.want || !slices.Equal(m.StateIDs(), tc.ids) {
				t.Errorf("%+v %q, want %+v %q", got, m.StateIDs(), tc.want, tc.ids)
			}
		})
	}
}

func TestKeysAndBase(t *testing.T) {
	for _, key := range []string{"sk-ant-api03-x", "sk-or-v1-x"} {
		if err := adapter("openai").CheckKey(secret.FromString(key)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q: %v", key, err)
		}
		if err := adapter("openai-compatible").CheckKey(secret.FromString(key)); err != nil {
			t.Errorf("%q elsewhere: %v", key, err)
		}
	}
	if err := adapter("openrouter").CheckKey(secret.FromString("sk-or-v1-x")); err != nil {
		t.Error(err)
	}
	if got, err := adapter("openrouter").CheckBaseURL("https://openrouter.ai/"); err != nil || got != "https://openrouter.ai/api/v1" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := adapter("openai-compatible").CheckBaseURL(""); core.CodeOf(err) != core.Invalid {
		t.Errorf("compatible without a base URL: %v", err)
	}
	if p := adapter("openrouter").ModelsRequest().URL.Path; p != "/v1/key" {
		t.Errorf("openrouter is probed at %s", p)
	}
}
