// Package api holds the wire types of Keyfob's HTTP API. It uses the standard
// library only, so that any program can import it.
package api

import "time"

// The error codes, each with its HTTP status and the exit code of the CLI.
const (
	CodeInvalid         = "invalid"
	CodeUnauthenticated = "unauthenticated"
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeConflict        = "conflict"
	CodeExhausted       = "exhausted"
	CodeUnavailable     = "unavailable"
	CodeInternal        = "internal"
)

// Codes is the one table of codes.
var Codes = []struct {
	Code   string
	Status int
	Exit   int
	Means  string
}{
	{CodeInternal, 500, 1, "a fault of Keyfob's own, or a damaged vault"},
	{CodeInvalid, 400, 2, "the input cannot be, the message says why"},
	{CodeUnauthenticated, 401, 3, "no key or token, or one that is not valid any more"},
	{CodeForbidden, 403, 4, "known, but not allowed"},
	{CodeNotFound, 404, 5, "no such secret, account or workspace"},
	{CodeConflict, 409, 6, "the name is taken, or somebody else changed it meanwhile"},
	{CodeExhausted, 429, 7, "a limit is reached"},
	{CodeUnavailable, 503, 8, "a part is away: the key, the disk, the database, an upstream"},
}

// StatusOf is the HTTP status of a code; 500 for one that is not known.
func StatusOf(code string) int {
	for _, c := range Codes {
		if c.Code == code {
			return c.Status
		}
	}
	return 500
}

// ExitOf is the exit code of a code; 1 for one that is not known.
func ExitOf(code string) int {
	for _, c := range Codes {
		if c.Code == code {
			return c.Exit
		}
	}
	return 1
}

// Error is the body of every answer with a status of 400 or more:
// {"error":{…}}. It is also the error that package client returns.
type Error struct {
	Code       string   `json:"code"`
	Reason     string   `json:"reason,omitempty"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Field      string   `json:"field,omitempty"`
	Details    []Detail `json:"details,omitempty"`
	RetryAfter Seconds  `json:"retry_after_seconds,omitempty"`
	ID         string   `json:"id,omitempty"` // of an internal error: stands in the log too
}

// Detail is one of several things wrong at once.
type Detail struct {
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// ErrorBody wraps Error on the wire.
type ErrorBody struct {
	Error *Error `json:"error"`
}

func (e *Error) Error() string { return e.Message }

// Is matches by code, and by reason where the target names one, so that
// errors.Is(err, &api.Error{Code: api.CodeNotFound}) holds across the wire.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// Seconds is a duration in whole seconds on the wire, rounded up.
type Seconds int64

// SecondsOf rounds up, so that nobody comes back too early.
func SecondsOf(d time.Duration) Seconds {
	if d <= 0 {
		return 0
	}
	return Seconds((d + time.Second - 1) / time.Second)
}

// Duration is the time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }
