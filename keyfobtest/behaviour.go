package keyfobtest

import (
	"net/http"
	"strconv"
	"time"
)

// Behaviour is what the provider does with one request. The zero value answers
// it well. The functions below make the usual ones; fields may be combined,
// such as a Wait with a status.
type Behaviour struct {
	Label  string      // for people, such as "429 rate limit"; may be empty
	Status int         // 0: 200
	Header http.Header // added to the answer
	Body   string      // with a Status: the body; empty: an error in the dialect of the request
	Type   string      // with a Status and no Body: the error's type; empty: the usual one of the status
	Text   string      // of a good answer; empty: Options.Text

	// StreamError is the type of an error, such as "overloaded_error", that
	// ends a streamed answer at the place that At says. An answer that is not
	// streamed gives it as an error with its usual status.
	StreamError string
	At          Point

	Drop      Point           // where the connection is cut; None: nowhere
	Delay     time.Duration   // before anything is answered
	Wait      <-chan struct{} // before anything is answered: until it is closed, or the provider is
	EventGap  time.Duration   // between the events of a stream
	OmitUsage bool            // a good answer that does not say what it used
}

// Point is a place in an answer.
type Point uint8

// The points.
const (
	None         Point = iota
	AfterRequest       // the request is read, nothing is answered
	AfterHeaders       // status 200 and the headers, no event
	AfterPing          // a ping (Anthropic) or a comment (the others)
	AfterStart         // message_start, response.created, or the first chunk with the role alone
	MidStream          // some text
)

// OK answers well.
func OK() Behaviour { return Behaviour{Label: "ok"} }

// Say answers well with this text.
func Say(text string) Behaviour { return Behaviour{Label: "ok", Text: text} }

// Status answers with a status and a body; an empty body is an error in the
// dialect of the request.
func Status(code int, body string) Behaviour {
	return Behaviour{Label: strconv.Itoa(code), Status: code, Body: body}
}

// RateLimited answers 429 with Retry-After in whole seconds; 0: without it.
func RateLimited(retryAfter time.Duration) Behaviour {
	b := Behaviour{Label: "429 rate limit", Status: http.StatusTooManyRequests}
	if retryAfter > 0 {
		b.Header = http.Header{"Retry-After": {strconv.Itoa(int((retryAfter + time.Second - 1) / time.Second))}}
	}
	return b
}

// Overloaded answers 529.
func Overloaded() Behaviour { return Behaviour{Label: "529 overloaded", Status: 529} }

// Unauthorized answers 401, as for a revoked key.
func Unauthorized() Behaviour { return Behaviour{Label: "401", Status: http.StatusUnauthorized} }

// Forbidden answers 403 without a reason that one could act on.
func Forbidden() Behaviour {
	return Behaviour{Label: "403", Status: http.StatusForbidden, Body: "{}"}
}

// NoCredit answers as an account without money does: 400 in the Anthropic
// dialect, 429 insufficient_quota in the OpenAI one.
func NoCredit() Behaviour {
	return Behaviour{Label: "no credit", Type: noCredit, Status: http.StatusPaymentRequired}
}

// StreamError begins a streamed answer with 200 and ends it with an error event
// of this type at this point.
func StreamError(errorType string, at Point) Behaviour {
	return Behaviour{Label: "200, then " + errorType, StreamError: errorType, At: at}
}

// Drop cuts the connection at this point.
func Drop(at Point) Behaviour { return Behaviour{Label: "connection cut", Drop: at} }

// Hold answers well once release is closed.
func Hold(release <-chan struct{}) Behaviour { return Behaviour{Label: "held", Wait: release} }

// Redirect answers 307 to this location.
func Redirect(location string) Behaviour {
	return Behaviour{Label: "redirect", Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}, Body: "{}"}
}

// The types that differ in status by dialect.
const (
	noCredit = "no_credit"
	badKey   = "bad_key"
)
