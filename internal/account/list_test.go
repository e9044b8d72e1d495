package account

import (
	"testing"

	"keyfob/internal/core"
)

// A page's key comes from a client. Any text is a place in the order or an error;
// an account's own key is the place just behind it.
func FuzzPageKey(f *testing.F) {
	for _, s := range []string{"", "openai/default/0/work", "a/b/-1/c", "a/b/99999999999999999999/c", "///", "a/b/1/c/d"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, position int) {
		a := core.Account{Provider: "openai", Namespace: "default", Position: position, Label: "work"}
		k, err := parseKey(s)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		k.before(a)
		own, err := parseKey(PageKey(a))
		if err != nil || own.before(a) {
			t.Errorf("%s: %v", PageKey(a), err)
		}
		if next := a; position < 1<<40 {
			if next.Position++; !own.before(next) {
				t.Errorf("position %d is not behind %s", next.Position, PageKey(a))
			}
		}
	})
}
