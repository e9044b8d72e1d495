package core

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an Error is. There are few, and each maps to
// one HTTP status and one exit code (package api has the tables).
type Code string

// The codes.
const (
	Invalid         Code = "invalid"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Exhausted       Code = "exhausted"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Detail is one of several things wrong at once, such as each collision of an
// import.
type Detail struct{ Field, Message string }

// Error is the one error type that crosses a package border on its way to a
// person. Message, Hint and Details are for people and are public; File stays on
// this machine, Err in the process and its log. No field may ever carry a secret's value.
type Error struct {
	Code       Code
	Reason     string // a finer, stable word for machines, such as "session_revoked"; may be empty
	Message    string // what went wrong, one line, no trailing full stop
	Hint       string // what to do next; may be empty
	Field      string // the input at fault; may be empty
	Details    []Detail
	RetryAfter time.Duration // zero: unknown
	File       string        // that it is about, such as the database; may be empty
	Err        error
}

// Error is for this machine: it names the file and the cause too.
func (e *Error) Error() string {
	text := e.Here()
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Here is the message as people at this machine should see it: with the file that
// it is about, which nobody who asks over a network is told.
func (e *Error) Here() string {
	if e.File == "" {
		return e.Message
	}
	return e.Message + " (" + e.File + ")"
}

// Unwrap gives the cause, for this process only.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Code: NotFound}) match by code, and by reason
// where the target names one.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// Errorf makes an Error with a message.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns e with a hint: what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithField returns e naming the input at fault.
func (e *Error) WithField(f string) *Error { e.Field = f; return e }

// WithFile returns e naming the file at fault, for people at this machine.
func (e *Error) WithFile(path string) *Error { e.File = path; return e }

// WithReason returns e with a stable word for machines.
func (e *Error) WithReason(r string) *Error { e.Reason = r; return e }

// Wrap returns e with its cause, which never leaves the process.
func (e *Error) Wrap(err error) *Error { e.Err = err; return e }

// CodeOf is the code of the first Error in err's chain, Internal for any other
// error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
