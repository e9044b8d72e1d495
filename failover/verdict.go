package failover

import "time"

// Kind is what an answer says about the account that gave it.
type Kind uint8

// The kinds. Their text forms are ok, limited, expired, no_credit, dead,
// overloaded and transient.
const (
	// OK goes to the client as it is and costs the account nothing. It is also
	// the kind of every answer that is about the request alone.
	OK Kind = iota
	// Limited is over a limit until Until.
	Limited
	// Expired was refused, and a refresh may mend it.
	Expired
	// NoCredit is out of money; waiting does not help.
	NoCredit
	// Dead is refused for good, until tested or replaced.
	Dead
	// Overloaded is the provider's trouble, not the account's.
	Overloaded
	// Transient is a failure that another account may not have.
	Transient
)

// Scope is what a verdict holds for. Limits and credit are what the accounts of
// a quota group share, so Limited and NoCredit always hold for all of the group,
// with scope Model for that model.
type Scope uint8

// The scopes. Their text forms are request, model, account and quota_group.
const (
	Request Scope = iota
	Model
	Account
	QuotaGroup
)

// Verdict is a judgement on one answer.
type Verdict struct {
	Kind  Kind
	Scope Scope
	// Until is when the verdict ends by the upstream's own word; zero takes the
	// kind's default.
	Until time.Time
	// Reason is a short fixed text of the one who judged. It is shown and
	// stored, so it never holds text from upstream.
	Reason string
	// EffectFree says that the upstream did no work for this request, so it may
	// be sent again.
	EffectFree bool
}

// Rotates says whether another account is to be tried: the answer is of a kind
// and scope that another account may not give, and did no work.
func (v Verdict) Rotates() bool { return v.Kind != OK && v.Scope != Request && v.EffectFree }

var kindTexts = [...]string{"ok", "limited", "expired", "no_credit", "dead", "overloaded", "transient"}

func (k Kind) String() string {
	if int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return "unknown"
}

// ParseKind reads the text form.
func ParseKind(s string) (Kind, bool) {
	for i, t := range kindTexts {
		if t == s {
			return Kind(i), true
		}
	}
	return 0, false
}

var scopeTexts = [...]string{"request", "model", "account", "quota_group"}

func (s Scope) String() string {
	if int(s) < len(scopeTexts) {
		return scopeTexts[s]
	}
	return "unknown"
}
