package httpapi

import (
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/store"
)

func TestCursorsOfOtherListsAndOfChance(t *testing.T) {
	good := cursorOf("a", "key")
	for name, cursor := range map[string]string{
		"another list's": cursorOf("b", "key"), "garbage": "!!", "no key": "AAAAAAAA", "padded": good + "=", "cut": good[:len(good)-1],
		"changed": "B" + good[1:], "too long": cursorOf("a", string(make([]byte, 2000))),
	} {
		if _, err := pageOf(url.Values{"cursor": {cursor}}, "a"); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if p, err := pageOf(url.Values{"cursor": {good}, "limit": {"7"}}, "a"); err != nil || p.After != "key" || p.Limit != 7 {
		t.Errorf("got %+v, %v", p, err)
	}
}

// Walking the pages of a list gives every record once, in order, whatever the
// length of a page.
func TestPagesOfAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfDistinct(rapid.StringN(1, 8, 20), rapid.ID[string]).Draw(t, "all")
		slices.Sort(all)
		p := store.Page{Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		var got []string
		for {
			page, next := pageIn(all, p, "list", func(s string) string { return s })
			if len(page) > p.Limit {
				t.Fatalf("a page of %d", len(page))
			}
			got = append(got, page...)
			if next == "" {
				break
			}
			after, ok := keyOf(next, "list")
			if !ok {
				t.Fatalf("%q is no cursor", next)
			}
			p.After = after
		}
		if !slices.Equal(got, all) {
			t.Errorf("got %q, want %q", got, all)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(cursorOf("list", "key"), "list")
	f.Add("", "list")
	f.Add("AAAA", "list")
	f.Fuzz(func(t *testing.T, cursor, list string) {
		if key, ok := keyOf(cursor, list); ok && cursorOf(list, key) != cursor {
			t.Errorf("%q is another way to write %q", cursor, key)
		}
	})
}
