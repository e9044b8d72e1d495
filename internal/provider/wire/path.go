package wire

import (
	"slices"
	"strings"
)

// First is the first part of a path that is none of skip, such as "messages" of
// "/v1/messages/count_tokens", up to a colon.
func First(path string, skip ...string) string {
	for p := range strings.SplitSeq(path, "/") {
		if p != "" && !slices.Contains(skip, p) {
			name, _, _ := strings.Cut(p, ":")
			return name
		}
	}
	return ""
}
