package failover

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what RetryAfter believes. A Pool caps at less.
const maxRetryAfter = 31 * 24 * time.Hour

// RetryAfter reads when a server wants to be asked again: retry-after-ms
// (milliseconds), else retry-after in seconds (RFC 9110, section 10.2.3, with
// fractions, which some providers send), else as an HTTP date. It is between
// now and 31 days later; what is not a plain decimal number or a date does not
// count.
func RetryAfter(h http.Header, now time.Time) (time.Time, bool) {
	if d, ok := parseWait(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return now.Add(d), true
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if d, ok := parseWait(v, time.Second); ok {
		return now.Add(d), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return time.Time{}, false
	}
	return now.Add(min(max(at.Sub(now), 0), maxRetryAfter)), true
}

// parseWait reads a decimal number of units. Digits and one point only: no
// sign, exponent, infinity or NaN gets as far as the conversion, and the cap is
// applied before a float becomes a Duration.
func parseWait(s string, unit time.Duration) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		return 0, false
	}
	if f *= float64(unit); f >= float64(maxRetryAfter) {
		return maxRetryAfter, true
	}
	return time.Duration(f), true
}
