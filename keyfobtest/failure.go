package keyfobtest

import (
	"encoding/json"
	"net/http"
)

type object = map[string]any

// errorBody is an error as the dialect has it.
func (c *call) errorBody(status int, kind string) string {
	b, _ := json.Marshal(c.errorObject(status, kind)) // strings and numbers alone
	return string(b)
}

func (c *call) errorObject(status int, kind string) object {
	switch c.op.dialect {
	case anthropicDialect:
		return c.anthropicError(status, kind)
	case googleDialect:
		return c.googleError(status, kind)
	}
	return c.openaiError(status, kind)
}

func (c *call) anthropicError(status int, kind string) object {
	msg := "The request failed with status " + http.StatusText(status) + "."
	switch {
	case kind == noCredit:
		kind, msg = "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
	case kind == "":
		kind = anthropicType(status)
	}
	switch kind {
	case "authentication_error":
		msg = "invalid x-api-key"
	case "rate_limit_error":
		msg = "This request would exceed your organization's rate limit of 50 requests per minute (model: " + c.op.model + ")."
	case "overloaded_error":
		msg = "Overloaded"
	}
	return object{"type": "error", "error": object{"type": kind, "message": msg}, "request_id": id("req", c.n)}
}

func anthropicType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
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

func (c *call) openaiError(status int, kind string) object {
	code, msg := any(nil), "The request failed with status "+http.StatusText(status)+"."
	switch {
	case kind == noCredit:
		kind, code = "insufficient_quota", "insufficient_quota"
		msg = "You exceeded your current quota, please check your plan and billing details."
	case kind != "":
		code = kind
	case status == http.StatusUnauthorized:
		kind, code, msg = "invalid_request_error", "invalid_api_key", "Incorrect API key provided."
	case status == http.StatusTooManyRequests:
		kind, code = "requests", "rate_limit_exceeded"
		msg = "Rate limit reached for " + c.op.model + " in organization org-test on requests per min (RPM): Limit 3, Used 3, Requested 1."
	case status >= 500:
		kind = "server_error"
	default:
		kind = "invalid_request_error"
	}
	return object{"error": object{"message": msg, "type": kind, "param": nil, "code": code}}
}

func (c *call) googleError(status int, kind string) object {
	name, msg, details := "INVALID_ARGUMENT", http.StatusText(status), []object{}
	switch {
	case kind == noCredit:
		name, msg = "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."
	case kind == badKey:
		msg = "API key not valid. Please pass a valid API key."
		details = append(details, object{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
	case status == http.StatusTooManyRequests:
		name, msg = "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."
		details = append(details, object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"})
	case status == http.StatusForbidden:
		name = "PERMISSION_DENIED"
	case status >= 500:
		name = "UNAVAILABLE"
	}
	return object{"error": object{"code": status, "message": msg, "status": name, "details": details}}
}

// statusOfType is the status of an error that a client which did not ask for a
// stream gets.
func statusOfType(kind string) int {
	switch kind {
	case "overloaded_error":
		return 529
	case "server_is_overloaded", "slow_down":
		return http.StatusServiceUnavailable
	case "rate_limit_error", "rate_limit_exceeded", "insufficient_quota":
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}
