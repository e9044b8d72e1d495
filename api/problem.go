package api

// ProblemType is the content type of every error (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is an Error as it travels: problem details (RFC 9457) with members of
// our own.
type Problem struct {
	Type       string   `json:"type"`                                                                                            // "about:blank": Code and Reason say which
	Title      string   `json:"title"`                                                                                           // the HTTP status in words
	Status     int      `json:"status"`                                                                                          // the HTTP status
	Detail     string   `json:"detail"`                                                                                          // what went wrong
	Code       string   `json:"code" enum:"invalid,unauthenticated,forbidden,not_found,conflict,exhausted,unavailable,internal"` // one of Codes
	Reason     string   `json:"reason,omitempty"`                                                                                // a finer word for machines
	Hint       string   `json:"hint,omitempty"`                                                                                  // what to do next
	Field      string   `json:"field,omitempty"`                                                                                 // the input at fault
	Details    []Detail `json:"details,omitempty"`
	RetryAfter Seconds  `json:"retry_after_seconds,omitempty"`
	ID         string   `json:"id,omitempty"` // of an internal error: stands in the log too
}

// Error is the error that the problem tells of.
func (p Problem) Error() *Error {
	return &Error{
		Code: p.Code, Reason: p.Reason, Message: p.Detail, Hint: p.Hint, Field: p.Field,
		Details: p.Details, RetryAfter: p.RetryAfter, ID: p.ID,
	}
}

// Reasons that more than one package looks for.
const (
	ReasonStale             = "stale"                 // If-Match names another version: status 412
	ReasonNoPrecondition    = "precondition_required" // a write without If-Match: status 428
	ReasonAlreadyMade       = "already_made"          // this Idempotency-Key made the record at Location
	ReasonSessionRevoked    = "session_revoked"
	ReasonPending           = "authorization_pending"
	ReasonSlowDown          = "slow_down"
	ReasonStepUp            = "step_up_required"
	ReasonUserDisabled      = "user_disabled"
	ReasonUnconfirmed       = "unconfirmed" // the server may not see every change now
	ReasonScope             = "scope"
	ReasonNotAdmin          = "not_admin"
	ReasonTooManyAttempts   = "too_many_attempts"
	ReasonUserLimit         = "user_limit"
	ReasonUnsupportedFormat = "unsupported_media_type" // status 415
)
