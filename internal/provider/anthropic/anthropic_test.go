package anthropic_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/provider/anthropic"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func failure(kind, msg string) string {
	return `{"type":"error","error":{"type":"` + kind + `","message":"` + msg + `"},"request_id":"req_1"}`
}

func TestClassify(t *testing.T) {
	limited := func(s failover.Scope, d time.Duration, reason string) failover.Verdict {
		if d == 0 {
			return wire.Limited(s, time.Time{}, reason)
		}
		return wire.Limited(s, now.Add(d), reason)
	}
	model := func(d time.Duration) failover.Verdict { return limited(failover.Model, d, wire.ReasonLimited) }
	for _, tc := range []struct {
		name   string
		status int
		header string // "Name: value" lines
		body   string
		want   failover.Verdict
	}{
		{"200", 200, "", "", failover.Verdict{}},
		{"307", 307, "", "", failover.Verdict{}},
		{"429 retry-after", 429, "Retry-After: 60", failure("rate_limit_error", "This request would exceed your organization's rate limit"), model(time.Minute)},
		{"429 retry-after with a fraction", 429, "Retry-After: 0.5", "", model(500 * time.Millisecond)},
		{"429 retry-after-ms first", 429, "Retry-After: 60\nRetry-After-Ms: 1500", "", model(1500 * time.Millisecond)},
		{"429 date", 429, "Retry-After: Sun, 01 Mar 2026 12:01:00 GMT", "", model(time.Minute)},
		{"429 without a word", 429, "", "", model(0)},
		{"429 the spent limit", 429, "Anthropic-Ratelimit-Requests-Remaining: 3\nAnthropic-Ratelimit-Requests-Reset: 2026-03-01T12:05:00Z\nAnthropic-Ratelimit-Input-Tokens-Remaining: 0\nAnthropic-Ratelimit-Input-Tokens-Reset: 2026-03-01T12:00:20Z", "", model(20 * time.Second)},
		{"429 unified", 429, "Anthropic-Ratelimit-Unified-Status: rejected\nAnthropic-Ratelimit-Unified-Reset: 1772370000\nAnthropic-Ratelimit-Unified-Representative-Claim: five_hour", "", limited(failover.QuotaGroup, time.Hour, wire.ReasonUsage)},
		{"429 unified of a model", 429, "Anthropic-Ratelimit-Unified-Status: rejected\nAnthropic-Ratelimit-Unified-Reset: 1772370000\nAnthropic-Ratelimit-Unified-Representative-Claim: seven_day_opus", "", limited(failover.Model, time.Hour, wire.ReasonUsage)},
		{"credit", 400, "", failure("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), wire.NoCredit()},
		{"credit, billing_error", 402, "", failure("billing_error", "x"), wire.NoCredit()},
		{"spending limit", 400, "", failure("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-03-02 at 00:00 UTC."), limited(failover.QuotaGroup, 12*time.Hour, wire.ReasonUsage)},
		{"spending limit, no date", 400, "", failure("invalid_request_error", "You have reached your specified API usage limits."), limited(failover.QuotaGroup, 0, wire.ReasonUsage)},
		{"bad request", 400, "", failure("invalid_request_error", "max_tokens: Field required"), wire.RequestOnly()},
		{"not found", 404, "", failure("not_found_error", "model: x"), wire.RequestOnly()},
		{"too large", 413, "", failure("request_too_large", "x"), wire.RequestOnly()},
		{"401", 401, "", failure("authentication_error", "invalid x-api-key"), wire.Dead(wire.ReasonKey)},
		{"401 without a body", 401, "", "", wire.Dead(wire.ReasonKey)},
		{"disabled", 403, "", failure("permission_error", "This organization has been disabled."), wire.Dead(wire.ReasonDisabled)},
		{"disabled, 400", 400, "", failure("invalid_request_error", "This organization has been disabled."), wire.Dead(wire.ReasonDisabled)},
		{"403 model", 403, "", failure("permission_error", "Your organization does not have access to model x"), wire.RequestOnly()},
		{"403 permission", 403, "", failure("permission_error", "Your API key does not have permission to use the specified resource."), wire.RequestOnly()},
		{"403 region", 403, "", failure("forbidden", "This country is not supported"), wire.RequestOnly()},
		{"403 unexplained", 403, "", failure("forbidden", "Request not allowed"), wire.Forbidden(now)},
		{"403 of a proxy", 403, "", "<html>403</html>", wire.Forbidden(now)},
		{"529", 529, "", failure("overloaded_error", "Overloaded"), wire.Overloaded(time.Time{})},
		{"529 with a time", 529, "Retry-After: 3", "", wire.Overloaded(now.Add(3 * time.Second))},
		{"503", 503, "", "", wire.Overloaded(time.Time{})},
		{"500 overloaded", 500, "", failure("overloaded_error", "Overloaded"), wire.Overloaded(time.Time{})},
		{"500", 500, "", failure("api_error", "Internal server error"), wire.ServerError()},
		{"502", 502, "", "<html>", wire.ServerError()},
		{"504", 504, "", "", wire.ServerError()},
		{"500 that speaks of credit", 500, "", failure("api_error", "credit balance is too low"), wire.ServerError()},
		{"429 cut body", 429, "", `{"type":"error","error":{"type":"rate_limit_err`, model(0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := anthropic.New().Classify(tc.status, header(tc.header), []byte(tc.body), now); got != tc.want {
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
	for _, tc := range []struct {
		name, data string
		want       failover.Verdict
		prelude    bool
	}{
		{"", "", failover.Verdict{}, true},
		{"ping", `{"type":"ping"}`, failover.Verdict{}, true},
		{"message_start", `{"type":"message_start","message":{}}`, failover.Verdict{}, true},
		{"", `{"type":"message_start"}`, failover.Verdict{}, true},
		{"message", `{"type":"ping"}`, failover.Verdict{}, true},
		{"content_block_start", `{"type":"content_block_start"}`, failover.Verdict{}, false},
		{"content_block_delta", `{}`, failover.Verdict{}, false},
		{"something_new", `{}`, failover.Verdict{}, false},
		{"error", failure("overloaded_error", "Overloaded"), wire.Overloaded(time.Time{}), false},
		{"", failure("overloaded_error", "Overloaded"), wire.Overloaded(time.Time{}), false},
		{"error", failure("rate_limit_error", "x"), wire.Limited(failover.Model, time.Time{}, wire.ReasonLimited), false},
		{"error", failure("authentication_error", "x"), wire.Dead(wire.ReasonKey), false},
		{"error", failure("billing_error", "x"), wire.NoCredit(), false},
		{"error", failure("api_error", "x"), wire.ServerError(), false},
		{"error", failure("invalid_request_error", "x"), wire.RequestOnly(), false},
		{"error", "no JSON", wire.ServerError(), false},
	} {
		if v, prelude := anthropic.New().Event(tc.name, []byte(tc.data), now); v != tc.want || prelude != tc.prelude {
			t.Errorf("%s %s: %+v %v, want %+v %v", tc.name, tc.data, v, prelude, tc.want, tc.prelude)
		}
	}
}

func TestInspect(t *testing.T) {
	const claude = `"metadata":{"user_id":"user_0a1b_account_11-22_session_33-44"}`
	for _, tc := range []struct {
		name, target, header, body string
		want                       provider.Marks
	}{
		{"model", "POST /v1/messages", "", `{"model":"claude-x","messages":[{"role":"user","content":"{\"model\":\"no\"}"}]}`, provider.Marks{Model: "claude-x"}},
		{"nested model", "POST /v1/messages", "", `{"tools":[{"model":"no"}],"model":"yes"}`, provider.Marks{Model: "yes"}},
		{"the last model counts", "POST /v1/messages", "", `{"model":"a","model":"b"}`, provider.Marks{Model: "b"}},
		{"cut model", "POST /v1/messages", "", `{"model":"claude-x`, provider.Marks{}},
		{"session in user_id", "POST /v1/messages", "", `{` + claude + `}`, provider.Marks{Conversation: "33-44"}},
		{"session in JSON", "POST /v1/messages", "", `{"metadata":{"user_id":"{\"device_id\":\"d\",\"session_id\":\"s-1\"}"}}`, provider.Marks{Conversation: "s-1"}},
		{"a person is no conversation", "POST /v1/messages", "", `{"metadata":{"user_id":"alice"}}`, provider.Marks{}},
		{"JSON without a session", "POST /v1/messages", "", `{"metadata":{"user_id":"{\"device_id\":\"d\"}"}}`, provider.Marks{}},
		{"header first", "POST /v1/messages", "X-Claude-Code-Session-Id: h-1", `{` + claude + `}`, provider.Marks{Conversation: "h-1"}},
		{"opencode", "POST /v1/messages", "X-Session-Affinity: ses_1", `{}`, provider.Marks{Conversation: "ses_1"}},
		{"too long a header", "POST /v1/messages", "X-Session-Id: " + strings.Repeat("x", 257), `{}`, provider.Marks{}},
		{"file", "POST /v1/messages", "", `{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]}`, provider.Marks{State: "file_1", Stateful: true}},
		{"container upload", "POST /v1/messages", "", `{"messages":[{"content":[{"type":"container_upload","file_id":"file_2"}]}]}`, provider.Marks{State: "file_2", Stateful: true}},
		{"file in a tool's result", "POST /v1/messages", "", `{"messages":[{"content":[{"content":[{"source":{"file_id":"file_3"}}]}]}]}`, provider.Marks{State: "file_3", Stateful: true}},
		{"file in a tool's input", "POST /v1/messages", "", `{"messages":[{"content":[{"type":"tool_use","input":{"file_id":"file_4"}}]}]}`, provider.Marks{}},
		{"container over file", "POST /v1/messages", "", `{"messages":[{"content":[{"file_id":"file_1"}]}],"container":"cont_1"}`, provider.Marks{State: "cont_1", Stateful: true}},
		{"container object", "POST /v1/messages", "", `{"container":{"id":"cont_2","skills":[]}}`, provider.Marks{State: "cont_2", Stateful: true}},
		{"no container", "POST /v1/messages", "", `{"container":null}`, provider.Marks{}},
		{"thinking", "POST /v1/messages", "", `{"messages":[{"content":[{"type":"thinking","signature":"abc"}]}]}`, provider.Marks{}},
		{"batch by id", "GET /v1/messages/batches/msgbatch_1/results", "", "", provider.Marks{State: "msgbatch_1", Stateful: true}},
		{"cancel", "POST /v1/messages/batches/msgbatch_1/cancel", "", "", provider.Marks{State: "msgbatch_1", Stateful: true}},
		{"new batch", "POST /v1/messages/batches", "", `{"requests":[]}`, provider.Marks{}},
		{"list of files", "GET /v1/files", "", "", provider.Marks{Stateful: true}},
		{"file by id", "DELETE /v1/files/file_9", "", "", provider.Marks{State: "file_9", Stateful: true}},
		{"count", "POST /v1/messages/count_tokens", "", `{"model":"m"}`, provider.Marks{Model: "m"}},
		{"models", "GET /v1/models", "", "", provider.Marks{}},
		{"no JSON", "POST /v1/messages", "", "\x1f\x8b\x00", provider.Marks{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tc.target, " ")
			if got := anthropic.New().Inspect(method, path, header(tc.header), []byte(tc.body)); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	const start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":5,\"output_tokens\":1}}}\n\n"
	for _, tc := range []struct {
		name, kind, body string
		want             provider.Tokens
		ids              []string
	}{
		{"json", "application/json", `{"id":"msg_1","content":[{"text":"{\"usage\":1}"}],"usage":{"input_tokens":10,"output_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5}}}`, provider.Tokens{Input: 10, Output: 20, Known: true}, nil},
		{"stream", "text/event-stream; charset=utf-8", start + "event: message_delta\ndata: {\"usage\":{\"output_tokens\":3}}\n\ndata: {\"usage\":{\"output_tokens\":42}}\n\n", provider.Tokens{Input: 115, Output: 42, Known: true}, nil},
		{"stream cut before its end", "text/event-stream", start, provider.Tokens{Input: 115}, nil},
		{"no usage", "application/json", `{"id":"msg_1"}`, provider.Tokens{}, nil},
		{"count_tokens is no usage", "application/json", `{"input_tokens":10}`, provider.Tokens{}, nil},
		{"another type", "text/html", `{"usage":{"input_tokens":1,"output_tokens":1}}`, provider.Tokens{}, nil},
		{"no type", "", `{"usage":{"input_tokens":1,"output_tokens":1}}`, provider.Tokens{}, nil},
		{"nonsense", "application/json", `{"usage":{"input_tokens":-1,"output_tokens":"7"}}`, provider.Tokens{}, nil},
		{"zero is known", "application/json", `{"usage":{"input_tokens":3,"output_tokens":0}}`, provider.Tokens{Input: 3, Known: true}, nil},
		{"file", "application/json", `{"id":"file_1","type":"file"}`, provider.Tokens{}, []string{"file_1"}},
		{"batches", "application/json", `{"data":[{"id":"msgbatch_1"},{"id":"msgbatch_2"},{"id":"msgbatch_1"}]}`, provider.Tokens{}, []string{"msgbatch_1", "msgbatch_2"}},
		{"container", "application/json", `{"id":"msg_1","container":{"id":"cont_1"}}`, provider.Tokens{}, []string{"cont_1"}},
		{"made by a tool", "application/json", `{"content":[{"content":{"content":[{"file_id":"file_7"}]}},{"input":{"file_id":"file_8"}}]}`, provider.Tokens{}, []string{"file_7"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := anthropic.New().Meter(tc.kind)
			_, _ = m.Write([]byte(tc.body))
			if got := m.Tokens(); got != tc.want || !slices.Equal(m.StateIDs(), tc.ids) {
				t.Errorf("%+v %q, want %+v %q", got, m.StateIDs(), tc.want, tc.ids)
			}
		})
	}
}

func TestKeysAndBase(t *testing.T) {
	for _, key := range []string{"sk-ant-oat01-x", "sk-ant-ort01-x", "sk-ant-admin01-x", ""} {
		if err := anthropic.New().CheckKey(secret.FromString(key)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"sk-ant-api03-x", "anything"} {
		if err := anthropic.New().CheckKey(secret.FromString(key)); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for raw, want := range map[string]string{"": "https://api.anthropic.com", "https://x.example/v1/": "https://x.example", "https://x.example/a": "https://x.example/a"} {
		if got, err := anthropic.New().CheckBaseURL(raw); err != nil || got != want {
			t.Errorf("%q: %q %v", raw, got, err)
		}
	}
	if _, err := anthropic.Compatible().CheckBaseURL(""); core.CodeOf(err) != core.Invalid {
		t.Errorf("compatible without a base URL: %v", err)
	}
}

func BenchmarkInspect(b *testing.B) {
	turn := `{"role":"user","content":[{"type":"text","text":"` + strings.Repeat(`some words, a \"quote\" and a line\n`, 40) + `"}]},`
	body := `{"model":"claude-x","metadata":{"user_id":"u_session_1"},"messages":[` + strings.Repeat(turn, 400)
	head := []byte(body)[:256<<10]
	h := http.Header{}
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		anthropic.New().Inspect("POST", "/v1/messages", h, head)
	}
}

func BenchmarkMeter(b *testing.B) {
	delta := "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"some words\"}}\n\n"
	stream := []byte(strings.Repeat(delta, 500))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		m := anthropic.New().Meter("text/event-stream")
		_, _ = m.Write(stream)
	}
}
