package sqlite

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"keyfob/internal/core"
)

// unmarshal reads what jsonText and jsonList wrote. Most of it is plain: names
// and labels without anything that JSON escapes. That much is read here, since
// lists are mostly of that; the rest is for package json.
func unmarshal(s string, to any) error {
	if plain(s) {
		switch to := to.(type) {
		case *map[string]string:
			if m, ok := flatMap(s); ok {
				*to = m
				return nil
			}
		case *core.Selector:
			if m, ok := flatMap(s); ok {
				*to = m
				return nil
			}
		case *[]string:
			if l, ok := flatList(s); ok {
				*to = l
				return nil
			}
		}
	}
	return json.Unmarshal([]byte(s), to)
}

// plain says that each quote in s begins or ends a text, which stands for itself.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// flatMap reads {"k":"v","k2":"v2"} without any spaces.
func flatMap(s string) (map[string]string, bool) {
	s, ok := inside(s, '{', '}')
	out := map[string]string{}
	for ok {
		var k, v string
		if k, s, ok = quoted(s); !ok || !strings.HasPrefix(s, ":") {
			break
		}
		if v, s, ok = quoted(s[1:]); !ok {
			break
		}
		out[k] = v
		if s == "" {
			return out, true
		}
		s, ok = strings.CutPrefix(s, ",")
	}
	return nil, false
}

// flatList reads ["a","b"] without any spaces.
func flatList(s string) ([]string, bool) {
	s, ok := inside(s, '[', ']')
	out := make([]string, 0, strings.Count(s, ",")+1)
	for ok {
		var v string
		if v, s, ok = quoted(s); !ok {
			break
		}
		out = append(out, v)
		if s == "" {
			return out, true
		}
		s, ok = strings.CutPrefix(s, ",")
	}
	return nil, false
}

func inside(s string, first, last byte) (string, bool) {
	if len(s) < 2 || s[0] != first || s[len(s)-1] != last {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// quoted takes one text off the front.
func quoted(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	return strings.Cut(s[1:], `"`)
}
