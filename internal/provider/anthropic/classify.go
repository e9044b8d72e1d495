package anthropic

import (
	"net/http"
	"strings"
	"time"

	"keyfob/failover"
	"keyfob/internal/provider/wire"
)

// Classify implements provider.Adapter, by the errors page of Anthropic's API
// reference and the headers that its rate limits page names.
func (Adapter) Classify(status int, h http.Header, body []byte, now time.Time) failover.Verdict {
	if status < 400 {
		return failover.Verdict{}
	}
	return judge(status, h, wire.ReadFailure(body), now)
}

func judge(status int, h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	switch {
	case status < 500 && f.Broke() || status == http.StatusPaymentRequired:
		return wire.NoCredit()
	case status < 500 && f.Gone():
		return wire.Dead(wire.ReasonDisabled)
	case status == http.StatusBadRequest && f.Says("api usage limits"):
		return wire.Limited(failover.QuotaGroup, regain(f.Message, now), wire.ReasonUsage)
	}
	switch status {
	case http.StatusUnauthorized:
		return wire.Dead(wire.ReasonKey)
	case http.StatusForbidden:
		return forbidden(f, now)
	case http.StatusTooManyRequests:
		return limited(h, f, now)
	case http.StatusServiceUnavailable, 529:
		return wire.Overloaded(wire.Until(h, f, now))
	}
	return rest(status, h, f, now)
}

func forbidden(f wire.Failure, now time.Time) failover.Verdict {
	switch {
	case f.BadKey():
		return wire.Dead(wire.ReasonKey)
	case f.AboutRequest():
		return wire.RequestOnly()
	}
	return wire.Forbidden(now)
}

// rest judges the statuses that mean nothing by themselves.
func rest(status int, h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	switch {
	case status < 500:
		return wire.RequestOnly()
	case f.Is("overloaded_error"):
		return wire.Overloaded(wire.Until(h, f, now))
	}
	return wire.ServerError()
}

// resets are the limits that hold for a class of models.
var resets = []wire.Reset{
	{Remaining: "Anthropic-Ratelimit-Requests-Remaining", At: "Anthropic-Ratelimit-Requests-Reset"},
	{Remaining: "Anthropic-Ratelimit-Tokens-Remaining", At: "Anthropic-Ratelimit-Tokens-Reset"},
	{Remaining: "Anthropic-Ratelimit-Input-Tokens-Remaining", At: "Anthropic-Ratelimit-Input-Tokens-Reset"},
	{Remaining: "Anthropic-Ratelimit-Output-Tokens-Remaining", At: "Anthropic-Ratelimit-Output-Tokens-Reset"},
}

const unified = "Anthropic-Ratelimit-Unified-"

// limited judges a 429. The limits of an API key hold for a class of models;
// the unified ones for all of them, unless the claim names a class, as
// "seven_day_opus" does.
func limited(h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	claim := h.Get(unified + "Representative-Claim")
	if claim == "" && h.Get(unified+"Status") != "rejected" {
		return wire.Limited(failover.Model, wire.Until(h, f, now, resets...), wire.ReasonLimited)
	}
	scope := failover.QuotaGroup
	if strings.Contains(claim, "opus") || strings.Contains(claim, "sonnet") || strings.Contains(claim, "haiku") {
		scope = failover.Model
	}
	until := wire.Until(h, f, now, wire.Reset{At: unified + "Reset"})
	return wire.Limited(scope, until, wire.ReasonUsage)
}

// regain reads the date from "You will regain access on 2026-02-01 at 00:00
// UTC.", which has no machine-readable form.
func regain(msg string, now time.Time) time.Time {
	_, rest, ok := strings.Cut(msg, "regain access on ")
	if !ok {
		return time.Time{}
	}
	const layout = "2006-01-02 at 15:04"
	if len(rest) < len(layout) {
		return time.Time{}
	}
	t, err := time.Parse(layout, rest[:len(layout)])
	if err != nil || t.Before(now) {
		return time.Time{}
	}
	return t
}

// Event implements provider.Adapter. Before the first content block nothing has
// been answered, so an error up to there is one of an answer that never began.
func (Adapter) Event(name string, data []byte, now time.Time) (failover.Verdict, bool) {
	if wire.Blank(data) {
		return failover.Verdict{}, true
	}
	if name == "" || name == "message" {
		name = wire.EventType(data)
	}
	if name == "error" {
		f := wire.ReadFailure(data)
		return judge(statusOf(f), nil, f, now), false
	}
	return failover.Verdict{}, name == "ping" || name == "message_start"
}

// statusOf is the status that an error in a stream would have had before it.
func statusOf(f wire.Failure) int {
	switch f.Type {
	case "authentication_error":
		return http.StatusUnauthorized
	case "billing_error":
		return http.StatusPaymentRequired
	case "permission_error":
		return http.StatusForbidden
	case "rate_limit_error":
		return http.StatusTooManyRequests
	case "overloaded_error":
		return 529
	case "invalid_request_error", "not_found_error", "request_too_large":
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
