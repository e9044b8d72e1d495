package wire

import (
	"time"

	"keyfob/failover"
)

// The reasons, which are shown beside a cooldown.
const (
	ReasonLimited    = "rate limit reached"
	ReasonUsage      = "usage limit reached"
	ReasonNoCredit   = "no credit left"
	ReasonKey        = "key refused"
	ReasonDisabled   = "account disabled"
	ReasonOverloaded = "provider overloaded"
	ReasonForbidden  = "refused without a reason"
	ReasonServer     = "provider failed, work may have been done"
	ReasonRequest    = "about the request"
)

// ForbiddenFor is how long an account rests after a 403 that nobody explained.
const ForbiddenFor = 5 * time.Minute

// RequestOnly is about the request alone: passed on, held against nobody.
func RequestOnly() failover.Verdict {
	return failover.Verdict{Kind: failover.OK, Scope: failover.Request, Reason: ReasonRequest}
}

// Limited is over a limit, for a model unless scope is wider.
func Limited(scope failover.Scope, until time.Time, reason string) failover.Verdict {
	return failover.Verdict{Kind: failover.Limited, Scope: scope, Until: until, Reason: reason, EffectFree: true}
}

// NoCredit is out of money. Whoever shares the account's limits shares its
// money.
func NoCredit() failover.Verdict {
	return failover.Verdict{Kind: failover.NoCredit, Scope: failover.QuotaGroup, Reason: ReasonNoCredit, EffectFree: true}
}

// Dead is refused for good. Another key of the same organisation may be good.
func Dead(reason string) failover.Verdict {
	return failover.Verdict{Kind: failover.Dead, Scope: failover.Account, Reason: reason, EffectFree: true}
}

// Overloaded is the provider's trouble with a model.
func Overloaded(until time.Time) failover.Verdict {
	return failover.Verdict{Kind: failover.Overloaded, Scope: failover.Model, Until: until, Reason: ReasonOverloaded, EffectFree: true}
}

// Forbidden is refused and nobody said why.
func Forbidden(now time.Time) failover.Verdict {
	return failover.Verdict{
		Kind: failover.Expired, Scope: failover.Account, Until: now.Add(ForbiddenFor),
		Reason: ReasonForbidden, EffectFree: true,
	}
}

// ServerError failed where work may have been done: passed on, never sent
// again, and held against nobody.
func ServerError() failover.Verdict {
	return failover.Verdict{Kind: failover.Transient, Scope: failover.Request, Reason: ReasonServer}
}

// AboutRequest says whether a refusal (403) names what every account of the
// user would meet: the model, the region, the content, a permission.
func (f Failure) AboutRequest() bool {
	return f.Says("model", "region", "country", "territory", "location", "content", "moderation", "flagged",
		"safety", "policy", "policies", "permission", "scope", "access to", "organization_mismatch", "mismatched_")
}

// Broke says whether the body says that money is missing, in words that no rate
// limit uses. Google's "exceeded your current quota" is one, so the adapters
// judge quotas.
func (f Failure) Broke() bool {
	return f.Is("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance",
		"insufficient_user_quota", "exceeded_current_quota_error", "billing_error", "no_credit", "insufficient_credits") ||
		f.Says("credit balance is too low", "insufficient balance", "insufficient credit", "requires more credits",
			"have any credits", "used all available credits", "key limit exceeded")
}

// Gone says whether the body says that the account itself has been closed.
func (f Failure) Gone() bool {
	return f.Is("account_deactivated", "access_terminated") ||
		f.Says("organization has been disabled", "account has been deactivated", "account has been disabled",
			"has been suspended", "account is suspended", "reported as leaked")
}

// BadKey says whether the body says that the key is not one, whatever the status.
func (f Failure) BadKey() bool {
	return f.Is("invalid_api_key", "api_key_invalid") || f.Reason("api_key_invalid") ||
		f.Says("incorrect api key", "invalid x-api-key", "api key not valid", "api key expired")
}
