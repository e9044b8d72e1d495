package core

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Selector picks workspaces by their labels: every pair must match. The empty
// selector matches all.
type Selector map[string]string

var labelText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$`)
})

// ParseSelector reads "k=v,k2=v2"; the empty text is the empty selector.
func ParseSelector(s string) (Selector, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	return ParseLabels(strings.Split(s, ","))
}

// ParseLabels reads pairs "k=v". Keys and values are 1 to 128 letters, digits
// and . _ / -, beginning and ending with a letter or digit.
func ParseLabels(pairs []string) (map[string]string, error) {
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		k, v, ok := strings.Cut(strings.TrimSpace(p), "=")
		if !ok || !labelText().MatchString(k) || !labelText().MatchString(v) {
			return nil, Errorf(Invalid, "%q is not a label", p).WithField("label").
				WithHint("write KEY=VALUE with letters, digits and . _ / -, such as team=web")
		}
		if old, dup := out[k]; dup && old != v {
			return nil, Errorf(Invalid, "label %q is given twice", k).WithField("label").WithHint("give each label once")
		}
		out[k] = v
	}
	return out, nil
}

// Matches says whether every pair stands in labels.
func (s Selector) Matches(labels map[string]string) bool {
	for k, v := range s {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// String is the text ParseSelector reads, with the keys in order.
func (s Selector) String() string {
	parts := make([]string, 0, len(s))
	for _, k := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, k+"="+s[k])
	}
	return strings.Join(parts, ",")
}
