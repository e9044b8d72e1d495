package google_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/provider/google"
	"keyfob/internal/provider/wire"
	"keyfob/internal/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func failure(code, status, msg, details string) string {
	return `{"error":{"code":` + code + `,"message":"` + msg + `","status":"` + status + `","details":[` + details + `]}}`
}

const (
	quota    = "You exceeded your current quota, please check your plan and billing details."
	retry    = `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}`
	perModel = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":"gemini-x"}}]}`
	project  = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProject"}]}`
)

func reason(r string) string {
	return `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + r + `","domain":"googleapis.com"}`
}

func TestClassify(t *testing.T) {
	limited := func(s failover.Scope, d time.Duration) failover.Verdict {
		return wire.Limited(s, now.Add(d), wire.ReasonLimited)
	}
	const delay = 34500 * time.Millisecond
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   failover.Verdict
	}{
		{"200", 200, "", failover.Verdict{}},
		{"per model", 429, failure("429", "RESOURCE_EXHAUSTED", quota, perModel+","+retry), limited(failover.Model, delay)},
		{"per project", 429, failure("429", "RESOURCE_EXHAUSTED", quota, retry+","+project), limited(failover.QuotaGroup, delay)},
		{"no quota named", 429, failure("429", "RESOURCE_EXHAUSTED", quota, retry), limited(failover.Model, delay)},
		{"in an array", 429, "[" + failure("429", "RESOURCE_EXHAUSTED", quota, project+","+retry) + "]", limited(failover.QuotaGroup, delay)},
		{"without a word", 429, "", wire.Limited(failover.Model, time.Time{}, wire.ReasonLimited)},
		{"credits", 429, failure("429", "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", ""), wire.NoCredit()},
		{"billing", 403, failure("403", "PERMISSION_DENIED", "x", reason("BILLING_DISABLED")), wire.NoCredit()},
		{"wrong key", 400, failure("400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")), wire.Dead(wire.ReasonKey)},
		{"expired key", 400, failure("400", "INVALID_ARGUMENT", "API key expired. Please renew the API key.", reason("API_KEY_INVALID")), wire.Dead(wire.ReasonKey)},
		{"leaked key", 403, failure("403", "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key.", ""), wire.Dead(wire.ReasonDisabled)},
		{"suspended", 403, failure("403", "PERMISSION_DENIED", "Permission denied: Consumer has been suspended.", reason("CONSUMER_SUSPENDED")), wire.Dead(wire.ReasonDisabled)},
		{"401", 401, failure("401", "UNAUTHENTICATED", "x", ""), wire.Dead(wire.ReasonKey)},
		{"region", 400, failure("400", "FAILED_PRECONDITION", "User location is not supported for the API use.", ""), wire.RequestOnly()},
		{"bad request", 400, failure("400", "INVALID_ARGUMENT", "Invalid JSON payload", ""), wire.RequestOnly()},
		{"not found", 404, failure("404", "NOT_FOUND", "models/x is not found", ""), wire.RequestOnly()},
		{"403 model", 403, failure("403", "PERMISSION_DENIED", "You do not have permission to access tuned model tunedModels/x", ""), wire.RequestOnly()},
		{"403 service", 403, failure("403", "PERMISSION_DENIED", "Generative Language API has not been used in project 1 before or it is disabled.", reason("SERVICE_DISABLED")), wire.Forbidden(now)},
		{"403 unexplained", 403, failure("403", "PERMISSION_DENIED", "The caller may not.", ""), wire.Forbidden(now)},
		{"503", 503, failure("503", "UNAVAILABLE", "The model is overloaded. Please try again later.", ""), wire.Overloaded(time.Time{})},
		{"500", 500, failure("500", "INTERNAL", "x", ""), wire.ServerError()},
		{"504", 504, failure("504", "DEADLINE_EXCEEDED", "x", ""), wire.ServerError()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := google.New().Classify(tc.status, http.Header{}, []byte(tc.body), now); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	for _, tc := range []struct {
		data    string
		want    failover.Verdict
		prelude bool
	}{
		{"", failover.Verdict{}, true},
		{`{"candidates":[{"content":{}}]}`, failover.Verdict{}, false},
		{failure("503", "UNAVAILABLE", "The model is overloaded.", ""), wire.Overloaded(time.Time{}), false},
		{failure("429", "RESOURCE_EXHAUSTED", quota, perModel), wire.Limited(failover.Model, time.Time{}, wire.ReasonLimited), false},
		{failure("500", "INTERNAL", "x", ""), wire.ServerError(), false},
	} {
		if v, prelude := google.New().Event("", []byte(tc.data), now); v != tc.want || prelude != tc.prelude {
			t.Errorf("%s: %+v %v, want %+v %v", tc.data, v, prelude, tc.want, tc.prelude)
		}
	}
}

func TestInspect(t *testing.T) {
	for _, tc := range []struct {
		name, target, body string
		want               provider.Marks
	}{
		{"model", "POST /v1beta/models/gemini-x:generateContent", `{"contents":[]}`, provider.Marks{Model: "gemini-x"}},
		{"stream", "POST /v1/models/gemini-x:streamGenerateContent", `{"model":"models/other"}`, provider.Marks{Model: "gemini-x"}},
		{"openai dialect", "POST /v1beta/openai/chat/completions", `{"model":"gemini-x"}`, provider.Marks{Model: "gemini-x"}},
		{"cached", "POST /v1beta/models/g:generateContent", `{"cachedContent":"cachedContents/abc"}`, provider.Marks{Model: "g", State: "cachedContents/abc", Stateful: true}},
		{"file", "POST /v1beta/models/g:generateContent", `{"contents":[{"parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f1"}}]}]}`, provider.Marks{Model: "g", State: "files/f1", Stateful: true}},
		{"snake case", "POST /v1beta/models/g:generateContent", `{"contents":[{"parts":[{"file_data":{"file_uri":"x/files/f2"}}]}]}`, provider.Marks{Model: "g", State: "files/f2", Stateful: true}},
		{"a video", "POST /v1beta/models/g:generateContent", `{"contents":[{"parts":[{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}}]}]}`, provider.Marks{Model: "g"}},
		{"interaction", "POST /v1beta/interactions", `{"model":"g","previous_interaction_id":"i-1"}`, provider.Marks{Model: "g", State: "i-1", Stateful: true}},
		{"file by id", "GET /v1beta/files/f1", "", provider.Marks{State: "files/f1", Stateful: true}},
		{"tuned", "POST /v1beta/tunedModels/t1:generateContent", "", provider.Marks{State: "tunedModels/t1", Stateful: true}},
		{"operation", "GET /v1beta/models/veo/operations/o1", "", provider.Marks{Model: "veo", State: "operations/o1", Stateful: true}},
		{"list", "GET /v1beta/files", "", provider.Marks{Stateful: true}},
		{"models", "GET /v1beta/models", "", provider.Marks{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tc.target, " ")
			if got := google.New().Inspect(method, path, http.Header{}, []byte(tc.body)); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	const usage = `"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3,"thoughtsTokenCount":4,"toolUsePromptTokenCount":1,"totalTokenCount":17}`
	want := provider.Tokens{Input: 10, Output: 7, Known: true}
	for _, tc := range []struct {
		name, kind, body string
		want             provider.Tokens
		ids              []string
	}{
		{"json", "application/json", `{` + usage + `}`, want, nil},
		{"array", "application/json", `[{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}},{` + usage + `}]`, want, nil},
		{"stream", "text/event-stream", "data: {\"usageMetadata\":{\"promptTokenCount\":9}}\r\n\r\ndata: {" + usage + "}\r\n\r\n", want, nil},
		{"none", "application/json", `{}`, provider.Tokens{}, nil},
		{"file", "application/json", `{"file":{"name":"files/f1","uri":"https://x/files/f1"}}`, provider.Tokens{}, []string{"files/f1"}},
		{"operation", "application/json", `{"name":"models/veo/operations/o1"}`, provider.Tokens{}, []string{"operations/o1"}},
		{"a model is no state", "application/json", `{"name":"models/gemini-x"}`, provider.Tokens{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := google.New().Meter(tc.kind)
			_, _ = m.Write([]byte(tc.body))
			if got := m.Tokens(); got != tc.want || !slices.Equal(m.StateIDs(), tc.ids) {
				t.Errorf("%+v %q, want %+v %q", got, m.StateIDs(), tc.want, tc.ids)
			}
		})
	}
}

func TestApplyByPath(t *testing.T) {
	for path, header := range map[string]string{"/v1beta/models": "X-Goog-Api-Key", "/v1beta/openai/models": "Authorization"} {
		req, _ := http.NewRequest("GET", "http://127.0.0.1:1"+path, nil)
		c := provider.Credential{Kind: core.APIKey, Value: secret.FromString("k"), BaseURL: "https://h.example"}
		if err := google.New().Apply(req, c); err != nil || strings.TrimPrefix(req.Header.Get(header), "Bearer ") != "k" || len(req.Header) != 2 {
			t.Errorf("%s: %v %v", path, req.Header, err)
		}
	}
}

func TestKeysAndBase(t *testing.T) {
	if err := google.New().CheckKey(secret.FromString("ya29.x")); core.CodeOf(err) != core.Invalid {
		t.Errorf("an access token: %v", err)
	}
	for raw, want := range map[string]string{
		"": "https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta/": "https://generativelanguage.googleapis.com",
	} {
		if got, err := google.New().CheckBaseURL(raw); err != nil || got != want {
			t.Errorf("%q: %q %v", raw, got, err)
		}
	}
}
