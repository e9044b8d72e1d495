package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyfob/failover"
)

// maxWait bounds what counts as a waiting time at all: monthly limits fit.
const maxWait = 32 * 24 * time.Hour

// Until finds when a limit ends, by the first that says so: retry-after-ms,
// retry-after, the body's own words, then the resets (see Resets).
func Until(h http.Header, f Failure, now time.Time, resets ...Reset) time.Time {
	if t, ok := failover.RetryAfter(h, now); ok {
		return t
	}
	if t, ok := f.Until(now); ok {
		return t
	}
	t, _ := Resets(h, now, resets)
	return t
}

// Reset is a pair of headers: what is left of a limit, and when it is whole
// again.
type Reset struct{ Remaining, At string }

// Resets judges a family of limits: the latest reset among those of which
// nothing is left. If something is left of each, which one was hit is unknown,
// and the earliest reset is taken: a probe then finds out.
func Resets(h http.Header, now time.Time, pairs []Reset) (time.Time, bool) {
	var spent, first time.Time
	for _, p := range pairs {
		t, ok := ParseReset(h.Get(p.At), now)
		if !ok {
			continue
		}
		if h.Get(p.Remaining) == "0" && t.After(spent) {
			spent = t
		}
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if !spent.IsZero() {
		return spent, true
	}
	return first, !first.IsZero()
}

// ParseReset reads the forms that x-ratelimit-reset-* and its kin come in: RFC
// 3339, a Go-like duration ("6m0s", "17ms"), and a number: unix milliseconds,
// unix seconds or seconds from now, told apart by size.
func ParseReset(v string, now time.Time) (time.Time, bool) {
	v = strings.TrimSpace(v)
	if v == "" {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return sane(t, now)
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		if n >= 1e9 {
			return sane(fromUnix(n), now)
		}
		return after(now, n)
	}
	if d, err := time.ParseDuration(v); err == nil {
		return sane(now.Add(d), now)
	}
	return time.Time{}, false
}

// fromUnix reads seconds, or milliseconds where they are too many for seconds.
func fromUnix(n float64) time.Time {
	if math.IsNaN(n) || n < 0 || n > 1e14 {
		return time.Time{}
	}
	if n >= 1e11 {
		return time.UnixMilli(int64(n)).UTC()
	}
	return time.UnixMilli(int64(n * 1000)).UTC()
}

func after(now time.Time, seconds float64) (time.Time, bool) {
	if math.IsNaN(seconds) || seconds < 0 || seconds > maxWait.Seconds() {
		return time.Time{}, false
	}
	return sane(now.Add(time.Duration(seconds*float64(time.Second))), now)
}

// sane refuses a time that has passed, or is so far away that it is no limit's.
func sane(t, now time.Time) (time.Time, bool) {
	if t.IsZero() || t.Before(now) || t.Sub(now) > maxWait {
		return time.Time{}, false
	}
	return t, true
}
