package failover_test

import (
	"net/http"
	"testing"
	"time"

	"keyfob/failover"
)

func TestRetryAfter(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		ms, after string
		want      time.Duration // negative: none
	}{
		{"", "", -1},
		{"", "60", time.Minute},
		{"", " 1.5 ", 1500 * time.Millisecond},
		{"", "0", 0},
		{"250", "60", 250 * time.Millisecond},
		{"0.5", "", 500 * time.Microsecond},
		{"soon", "2", 2 * time.Second},
		{"", "Wed, 02 Jan 2030 03:05:05 GMT", time.Minute},
		{"", "Wednesday, 02-Jan-30 03:05:05 GMT", time.Minute},
		{"", "Wed, 02 Jan 2019 03:05:05 GMT", 0},
		{"", "Fri, 31 Dec 9999 23:59:59 GMT", 31 * day},
		{"", "-5", -1},
		{"", "NaN", -1},
		{"", "Inf", -1},
		{"", "1e3", -1},
		{"", "0x10", -1},
		{"", "1_000", -1},
		{"", "1.2.3", -1},
		{"", ".", -1},
		{"", "99999999999999999999999", 31 * day},
		{"9223372036854775807", "", 31 * day},
		{"", "tomorrow", -1},
	} {
		h := http.Header{}
		if c.ms != "" {
			h.Set("Retry-After-Ms", c.ms)
		}
		if c.after != "" {
			h.Set("Retry-After", c.after)
		}
		at, ok := failover.RetryAfter(h, t0)
		if ok != (c.want >= 0) || (ok && at.Sub(t0) != c.want) {
			t.Errorf("%q, %q: got %v %v, want %v", c.ms, c.after, at.Sub(t0), ok, c.want)
		}
	}
}

// FuzzRetryAfter holds the bounds, whatever a server says.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"60", "1.5", "-1", "NaN", "1e999", "999999999999999999999", "Wed, 02 Jan 2030 03:05:05 GMT", "..", ""} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, ms, after string) {
		h := http.Header{"Retry-After-Ms": {ms}, "Retry-After": {after}}
		at, ok := failover.RetryAfter(h, t0)
		if !ok {
			if !at.IsZero() {
				t.Errorf("a time %v without ok", at)
			}
			return
		}
		if at.Before(t0) || at.After(t0.Add(31*24*time.Hour)) {
			t.Errorf("%q, %q: %v is out of bounds", ms, after, at)
		}
	})
}

func TestKindsAndScopes(t *testing.T) {
	for k := failover.OK; k <= failover.Transient; k++ {
		got, ok := failover.ParseKind(k.String())
		expect(t, k.String(), ok && got == k, true)
	}
	if _, ok := failover.ParseKind("unknown"); ok {
		t.Error("unknown was read")
	}
	expect(t, "out of range", failover.Kind(99).String()+failover.Scope(99).String(), "unknownunknown")
	expect(t, "scope", failover.QuotaGroup.String(), "quota_group")
}
