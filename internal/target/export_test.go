package target

import "strings"

// Patterns are the table's.
func Patterns() (out []string) {
	for _, class := range refused {
		out = append(out, strings.Fields(class.patterns)...)
	}
	return out
}
