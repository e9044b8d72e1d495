package google

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyfob/failover"
	"keyfob/internal/provider/wire"
)

// Classify implements provider.Adapter, by google.rpc.Status and its details
// (ErrorInfo, QuotaFailure, RetryInfo). "You exceeded your current quota" is
// Google's text for every limit, so it says nothing of money.
func (Adapter) Classify(status int, h http.Header, body []byte, now time.Time) failover.Verdict {
	if status < 400 {
		return failover.Verdict{}
	}
	return judge(status, h, wire.ReadFailure(body), now)
}

func judge(status int, h http.Header, f wire.Failure, now time.Time) failover.Verdict {
	if v, ok := account(status, f); ok {
		return v
	}
	switch status {
	case http.StatusUnauthorized:
		return wire.Dead(wire.ReasonKey)
	case http.StatusForbidden:
		return forbidden(f, now)
	case http.StatusTooManyRequests:
		return wire.Limited(scope(f), wire.Until(h, f, now), wire.ReasonLimited)
	case http.StatusServiceUnavailable, 529:
		return wire.Overloaded(wire.Until(h, f, now))
	}
	if status < 500 {
		return wire.RequestOnly()
	}
	return wire.ServerError()
}

// account judges what is about the account, whatever the status: a wrong key is
// a 400.
func account(status int, f wire.Failure) (failover.Verdict, bool) {
	switch {
	case status >= 500:
	case f.BadKey():
		return wire.Dead(wire.ReasonKey), true
	case f.Reason("consumer_suspended", "consumer_invalid") || f.Gone():
		return wire.Dead(wire.ReasonDisabled), true
	case status == http.StatusPaymentRequired || f.Reason("billing_disabled") || f.Says("prepayment credits are depleted"):
		return wire.NoCredit(), true
	}
	return failover.Verdict{}, false
}

// forbidden judges a 403. What the key's project has not enabled or allowed is
// not the request's fault.
func forbidden(f wire.Failure, now time.Time) failover.Verdict {
	if f.Reason("service_disabled", "api_key_service_blocked", "api_key_ip_address_blocked", "api_key_http_referrer_blocked") {
		return wire.Forbidden(now)
	}
	if f.AboutRequest() {
		return wire.RequestOnly()
	}
	return wire.Forbidden(now)
}

// scope is what a quota holds for, by its id and dimensions. One that names no
// model holds for the whole project.
func scope(f wire.Failure) failover.Scope {
	if f.QuotaModel != "" || len(f.Quotas) == 0 {
		return failover.Model
	}
	for _, q := range f.Quotas {
		if !strings.Contains(q, "permodel") {
			return failover.QuotaGroup
		}
	}
	return failover.Model
}

// Event implements provider.Adapter. Every chunk of Google's streams is an
// answer already; an error in one carries the status it would have had.
func (Adapter) Event(_ string, data []byte, now time.Time) (failover.Verdict, bool) {
	if wire.Blank(data) {
		return failover.Verdict{}, true
	}
	f := wire.ReadFailure(data)
	status, err := strconv.Atoi(f.Code)
	if f.Status == "" || err != nil || status < 400 || status > 599 {
		return failover.Verdict{}, false
	}
	return judge(status, nil, f, now), false
}
