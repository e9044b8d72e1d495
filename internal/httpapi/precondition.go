package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// tagOf is the entity tag of a record's version.
func tagOf(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

// tags is the value of If-Match or If-None-Match (RFC 9110, 13.1): any, or a
// list of versions.
type tags struct {
	any      bool
	versions []int64 // of those that are versions; others match nothing
	weak     []int64 // of weak ones: no reason for a write (8.8.3.2)
}

// parseTags reads the header's lines.
func parseTags(lines []string) (tags, error) {
	rest := strings.TrimSpace(strings.Join(lines, ","))
	if rest == "*" {
		return tags{any: true}, nil
	}
	var out tags
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return out, nil
		}
		weak := strings.HasPrefix(rest, "W/")
		rest = strings.TrimPrefix(rest, "W/")
		text, after, ok := cutTag(rest)
		if !ok {
			return tags{}, core.Errorf(core.Invalid, "the precondition is no entity tag").WithReason("precondition").
				WithHint(`send the ETag of the record as it was read, such as "v3", or *`)
		}
		rest = after
		v, err := strconv.ParseInt(strings.TrimPrefix(text, "v"), 10, 64)
		switch {
		case err != nil || v < 0 || tagOf(v) != `"`+text+`"`:
		case weak:
			out.weak = append(out.weak, v)
		default:
			out.versions = append(out.versions, v)
		}
	}
}

// cutTag takes one quoted tag and the comma after it off.
func cutTag(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return "", "", false
	}
	text, rest = s[1:1+end], strings.TrimLeft(s[2+end:], " \t")
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", "", false
	}
	return text, rest, rest == "" || rest[0] == ','
}

// expected is the version that a write states, 0 for whichever there is. Of
// several, and of 0, the record's own is taken, which current reads.
func expected(r *http.Request, current func() (int64, error)) (int64, error) {
	lines := r.Header.Values("If-Match")
	if len(lines) == 0 {
		return 0, core.Errorf(core.Invalid, "the write states no version").WithReason(api.ReasonNoPrecondition).
			WithField("If-Match").WithHint(`send If-Match with the ETag of the record as it was read, such as "v3", or * for any`)
	}
	got, err := parseTags(lines)
	switch {
	case err != nil:
		return 0, err
	case got.any:
		return 0, nil
	case len(got.versions) == 0:
		return 0, stale()
	case len(got.versions) == 1 && got.versions[0] > 0:
		return got.versions[0], nil
	}
	now, err := current()
	if err != nil {
		return 0, err
	}
	if !got.has(now, false) {
		return 0, stale()
	}
	return now, nil
}

func (t tags) has(version int64, weakToo bool) bool {
	if t.any {
		return true
	}
	for _, v := range t.versions {
		if v == version {
			return true
		}
	}
	for _, v := range t.weak {
		if weakToo && v == version {
			return true
		}
	}
	return false
}

func stale() error {
	return core.Errorf(core.Conflict, "it was changed meanwhile").WithReason(api.ReasonStale).WithField("If-Match").
		WithHint("read it again and decide anew")
}

// unchanged says whether who asks has this version already.
func unchanged(r *http.Request, version int64) bool {
	lines := r.Header.Values("If-None-Match")
	if len(lines) == 0 {
		return false
	}
	got, err := parseTags(lines)
	return err == nil && got.has(version, true)
}
