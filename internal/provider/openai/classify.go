package openai

import (
	"net/http"
	"time"

	"keyfob/failover"
	"keyfob/internal/provider/wire"
)

// Classify implements provider.Adapter, by the error codes page of OpenAI's API
// documentation and those of the services in the table.
func (a Adapter) Classify(status int, h http.Header, body []byte, now time.Time) failover.Verdict {
	if status < 400 {
		return failover.Verdict{}
	}
	return a.judge(status, h, wire.ReadFailure(body), now)
}

func (a Adapter) judge(status int, h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	switch {
	case status < 500 && f.Broke() || status == http.StatusPaymentRequired:
		return wire.NoCredit()
	case (status == http.StatusBadRequest || status == http.StatusForbidden) && f.BadKey():
		return wire.Dead(wire.ReasonKey)
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && f.Gone():
		return wire.Dead(wire.ReasonDisabled)
	}
	switch status {
	case http.StatusUnauthorized:
		return unauthorized(f)
	case http.StatusForbidden:
		return forbidden(f, now)
	case http.StatusTooManyRequests:
		return a.limited(h, f, now)
	case flexCapacity, http.StatusServiceUnavailable, 529:
		return wire.Overloaded(wire.Until(h, f, now))
	}
	return a.rest(status, h, f, now)
}

const flexCapacity = 498 // Groq: the flex tier is full

// unauthorized judges a 401: a key that is good but not for this is no dead
// one.
func unauthorized(f wire.Failure) failover.Verdict {
	if f.Says("missing scopes", "insufficient permissions", "mismatched_", "organization_mismatch") || noModel(f) {
		return wire.RequestOnly()
	}
	return wire.Dead(wire.ReasonKey)
}

// noModel says whether the key is good, and not for this model: so say OpenAI and
// LiteLLM. Others who share the account use other models.
func noModel(f wire.Failure) bool {
	return f.Is("key_model_access_denied", "team_model_access_denied", "user_model_access_denied", "org_model_access_denied", "project_model_access_denied", "model_not_found", "model_not_allowed") ||
		f.Says("not allowed to access model", "access to model", "access to the model")
}

func forbidden(f wire.Failure, now time.Time) failover.Verdict {
	if f.AboutRequest() || noModel(f) {
		return wire.RequestOnly()
	}
	return wire.Forbidden(now)
}

// resets are the limits of OpenAI and of those who took over its headers, and
// the one header of OpenRouter.
var resets = []wire.Reset{
	{Remaining: "X-Ratelimit-Remaining-Requests", At: "X-Ratelimit-Reset-Requests"},
	{Remaining: "X-Ratelimit-Remaining-Tokens", At: "X-Ratelimit-Reset-Tokens"},
	{Remaining: "X-Ratelimit-Remaining", At: "X-Ratelimit-Reset"},
}

// limited judges a 429. A limit that names a plan, or no model where the
// service's limits are not by model, holds for all of them.
func (a Adapter) limited(h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	until := wire.Until(h, f, now, resets...)
	switch {
	case f.Is("usage_limit_reached", "usage_not_included") || f.Says("free-models-per-"):
		return wire.Limited(failover.QuotaGroup, until, wire.ReasonUsage)
	case f.Is("server_is_overloaded", "slow_down", "overloaded_error", "engine_overloaded"):
		return wire.Overloaded(until)
	case f.Says("for model", "this model", "model:", "model `"):
		return wire.Limited(failover.Model, until, wire.ReasonLimited)
	}
	return wire.Limited(a.s.Limits, until, wire.ReasonLimited)
}

// rest judges the statuses that mean nothing by themselves.
func (a Adapter) rest(status int, h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	switch {
	case status < 500:
		return wire.RequestOnly()
	case f.Is("server_is_overloaded", "slow_down", "overloaded_error", "engine_overloaded"):
		return wire.Overloaded(wire.Until(h, f, now))
	case f.Is("rate_limit_exceeded", "rate_limit_error"):
		return a.limited(h, f, now)
	}
	return wire.ServerError()
}
