package guard_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/guard"
)

// A workspace made entries of megabytes by long lists of names, in which each
// character grew by being escaped. What is too long is cut, and says so; no act
// is lost by it.
func TestListsOfNamesAreBounded(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, `[]`}, {[]string{"a"}, `["a"]`}, {[]string{"<a>&", "b\"\n"}, `["<a>&","b\"\n"]`},
	} {
		if got := guard.Names(c.names); got != c.want {
			t.Errorf("%q: %s, want %s", c.names, got, c.want)
		}
	}
	for _, n := range []int{320, 330, 4500} { // the first fits
		text := guard.Names(slices.Repeat([]string{strings.Repeat("<", 200)}, n))
		var got []string
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(text) > 65<<10 {
			t.Fatalf("%d names: %d bytes, %v", n, len(text), err)
		}
		last := got[len(got)-1]
		if cut := strings.HasSuffix(last, " more"); cut != (n > 325) || !cut && len(got) != n {
			t.Errorf("of %d names %d are told, the last is %.20s", n, len(got), last)
		}
	}
}
