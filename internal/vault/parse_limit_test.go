package vault

import (
	"fmt"
	"strings"
	"testing"
)

// An import of 800,000 entries was read whole before it was refused, which took
// hundreds of megabytes. Reading ends with the first entry that is too many.
func TestParsersEndAtTheLimit(t *testing.T) {
	for format, text := range map[string]func(n int) string{
		"env":  func(n int) string { return lines(n, "A%d=1\n") },
		"json": func(n int) string { return "{" + strings.TrimSuffix(lines(n, "\"A%d\":\"1\","), ",") + "}" },
		"yaml": func(n int) string { return lines(n, "A%d: \"1\"\n") },
	} {
		for _, c := range []struct{ entries, want int }{{5, 5}, {6, 6}, {1000, 6}} {
			got, problems, err := parsers[format]([]byte(text(c.entries)), 5)
			if err != nil || len(got) != c.want || len(problems) != 0 {
				t.Errorf("%s, %d entries: %d were read, %v %v", format, c.entries, len(got), problems, err)
			}
		}
	}
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// YAML takes fifty times its size as it is read, so of it a text is shorter.
func TestYAMLIsShorter(t *testing.T) {
	fits := "A: \"" + strings.Repeat("x", maxYAML-100) + "\"\n"
	if got, _, err := parseYAML([]byte(fits), 5); err != nil || len(got) != 1 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	_, _, err := parseYAML([]byte(fits+strings.Repeat("#", 100)), 5)
	checkRefusal(t, fits, err, "one import of YAML takes at most", "content")
}
