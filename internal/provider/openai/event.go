package openai

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyfob/failover"
	"keyfob/internal/provider/scan"
	"keyfob/internal/provider/wire"
)

// Event implements provider.Adapter. Until the first output item (responses) or
// the first chunk with more in it than a role (chat completions) nothing has
// been answered.
func (a Adapter) Event(name string, data []byte, now time.Time) (failover.Verdict, bool) {
	if wire.Blank(data) {
		return failover.Verdict{}, true
	}
	e := readEvent(data)
	if name == "" || name == "message" {
		name = e.kind
	}
	switch name {
	case "response.created", "response.in_progress", "response.queued", "ping", "keepalive":
		return failover.Verdict{}, true
	case "error", "response.failed":
		return a.judgeEvent(data, now), false
	}
	if e.failed {
		return a.judgeEvent(data, now), false
	}
	return failover.Verdict{}, name == "" && e.opening
}

type event struct {
	kind    string // its "type"
	failed  bool   // has an error in it
	opening bool   // a chat chunk with nothing but a role
}

// readEvent looks at an event as a whole: an "error" that is null is none.
func readEvent(data []byte) event {
	var e event
	role, more := false, false
	s := scan.New(func(path []byte, v scan.Value) {
		null := v.Kind == scan.Literal && string(v.Text) == "null"
		switch p := string(path); {
		case p == "type" && v.Kind == scan.String && !v.Long:
			e.kind = string(v.Text)
		case p == "error" || strings.HasPrefix(p, "error."):
			e.failed = e.failed || !null
		case p == "choices.#.delta.role":
			role = true
		case p == "choices.#.index" || null || len(v.Text) == 0:
		case strings.HasPrefix(p, "choices."):
			more = true
		}
	})
	_, _ = s.Write(data)
	e.opening = role && !more && !s.Broken()
	return e
}

// judgeEvent judges an error in a stream by the status it would have had before
// it: the code is that status (OpenRouter), or a word.
func (a Adapter) judgeEvent(data []byte, now time.Time) failover.Verdict {
	f := wire.ReadFailure(data)
	return a.judge(statusOf(f), nil, f, now)
}

func statusOf(f wire.Failure) int {
	if n, err := strconv.Atoi(f.Code); err == nil && 400 <= n && n < 600 {
		return n
	}
	switch {
	case f.Is("rate_limit_exceeded", "rate_limit_error", "insufficient_quota", "usage_limit_reached", "usage_not_included"):
		return http.StatusTooManyRequests
	case f.Is("server_is_overloaded", "slow_down", "overloaded_error", "engine_overloaded"):
		return http.StatusServiceUnavailable
	case f.Is("invalid_api_key", "authentication_error"):
		return http.StatusUnauthorized
	case f.Is("invalid_request_error", "invalid_prompt", "context_length_exceeded", "bio_policy", "cyber_policy"):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
