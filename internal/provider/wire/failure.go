package wire

import (
	"strconv"
	"strings"
	"time"

	"keyfob/internal/provider/scan"
)

// Failure is what an error's body says, in whichever of the providers' shapes.
// Texts are lower case and at most scan.MaxValue bytes; what the body does not
// say is empty. It is for judging only: none of it is shown or stored.
type Failure struct {
	Type, Code, Status, Message string
	Reasons                     []string // Google's ErrorInfo.reason
	Quotas                      []string // Google's QuotaFailure: quotaId
	QuotaModel                  string   // Google's QuotaFailure: quotaDimensions.model
	Missing                     bool     // the body names no type, code or message

	retryDelay string // Google's RetryInfo, "34.5s"
	resetsAt   string // Codex: unix seconds
	resetsIn   string // Codex: seconds
}

const maxDetails = 8

// ReadFailure reads an error's body, which may be cut anywhere.
func ReadFailure(body []byte) Failure {
	var f Failure
	s := scan.New(func(path []byte, v scan.Value) { f.take(string(path), v) })
	_, _ = s.Write(body)
	f.Missing = f.Type == "" && f.Code == "" && f.Message == ""
	return f
}

// take reads one value. Google wraps the errors of its streams in an array, the
// events of a stream wrap them in "response", some servers in nothing.
func (f *Failure) take(path string, v scan.Value) {
	path = strings.TrimPrefix(path, "#.")
	path = strings.TrimPrefix(path, "response.")
	text := strings.ToLower(string(v.Text))
	if v.Kind == scan.Literal && text == "null" {
		return
	}
	switch path {
	case "error.type":
		f.Type = text
	case "error.code":
		f.Code = text
	case "error.status":
		f.Status = text
	case "error.message":
		f.Message = text
	case "error", "message", "detail", "type", "code":
		f.bare(path, text)
	default:
		f.detail(path, text)
	}
}

// bare reads what stands without an "error" around it, where nothing better has
// been found. A type of "error" only says what the whole thing is.
func (f *Failure) bare(path, text string) {
	switch {
	case path == "type" && text != "error" && f.Type == "":
		f.Type = text
	case path == "code" && f.Code == "":
		f.Code = text
	case path != "type" && path != "code" && f.Message == "":
		f.Message = text
	}
}

func (f *Failure) detail(path, text string) {
	switch path {
	case "error.resets_at":
		f.resetsAt = text
	case "error.resets_in_seconds":
		f.resetsIn = text
	case "error.details.#.retryDelay":
		f.retryDelay = text
	case "error.details.#.violations.#.quotaDimensions.model":
		f.QuotaModel = text
	case "error.details.#.reason":
		f.Reasons = appendSome(f.Reasons, text)
	case "error.details.#.violations.#.quotaId":
		f.Quotas = appendSome(f.Quotas, text)
	}
}

func appendSome(list []string, s string) []string {
	if len(list) >= maxDetails {
		return list
	}
	return append(list, s)
}

// Is says whether the type, code or status is one of these words.
func (f Failure) Is(words ...string) bool {
	for _, w := range words {
		if f.Type == w || f.Code == w || f.Status == w {
			return true
		}
	}
	return false
}

// Says says whether the code or the message contains one of these texts. The
// type is left out: it names a class of errors, such as "permission_error",
// whatever the matter is.
func (f Failure) Says(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(f.Message, t) || strings.Contains(f.Code, t) {
			return true
		}
	}
	return false
}

// Reason says whether one of Google's reasons is among these (lower case).
func (f Failure) Reason(words ...string) bool {
	for _, r := range f.Reasons {
		for _, w := range words {
			if r == w {
				return true
			}
		}
	}
	return false
}

// Until is when the body says that a limit ends: Codex's error.resets_at (unix
// seconds) or error.resets_in_seconds, Google's RetryInfo.retryDelay.
func (f Failure) Until(now time.Time) (time.Time, bool) {
	if n, err := strconv.ParseFloat(f.resetsAt, 64); err == nil {
		return sane(fromUnix(n), now)
	}
	if n, err := strconv.ParseFloat(f.resetsIn, 64); err == nil {
		return after(now, n)
	}
	if d, err := time.ParseDuration(f.retryDelay); err == nil {
		return sane(now.Add(d), now)
	}
	return time.Time{}, false
}
