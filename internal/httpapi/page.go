package httpapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Lengths of pages.
const (
	defaultPage = 100
	maxPage     = 1000
)

// maxCursor bounds the text of a cursor, in bytes.
const maxCursor = 1 << 10

// cursorMark is how many bytes of a digest begin a cursor. They tell one list's
// cursor from another's and from chance; they prove nothing, and need not: a
// cursor says where to go on, never what may be seen.
const cursorMark = 6

// pageOf reads limit and cursor. list names the list that is asked.
func pageOf(q url.Values, list string) (store.Page, error) {
	p := store.Page{Limit: defaultPage}
	if raw := q.Get("limit"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > maxPage || strconv.Itoa(n) != raw {
			return p, core.Errorf(core.Invalid, "limit is not a number from 1 to %d", maxPage).WithField("limit")
		}
		p.Limit = n
	}
	raw := q.Get("cursor")
	if raw == "" {
		return p, nil
	}
	after, ok := keyOf(raw, list)
	if !ok {
		return p, core.Errorf(core.Invalid, "the cursor is none of this list's").WithField("cursor").
			WithHint("leave it out to start from the first page")
	}
	p.After = after
	return p, nil
}

// cursorOf is the text by which the list goes on after the record with this key.
func cursorOf(list, key string) string {
	return base64.RawURLEncoding.EncodeToString(append(markOf(list, key), key...))
}

func keyOf(cursor, list string) (string, bool) {
	if len(cursor) > maxCursor {
		return "", false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) <= cursorMark {
		return "", false
	}
	key := string(b[cursorMark:])
	return key, string(b[:cursorMark]) == string(markOf(list, key))
}

func markOf(list, key string) []byte {
	d := sha256.Sum256([]byte(list + "\x00" + key))
	return d[:cursorMark]
}

// more asks for one record beyond the page, by which onePage knows whether there
// is a next one.
func more(p store.Page) store.Page {
	p.Limit++
	return p
}

// onePage cuts what more gave and says how to go on, empty at the end.
func onePage[T any](list []T, p store.Page, name string, key func(T) string) ([]T, string) {
	if len(list) <= p.Limit {
		return list, ""
	}
	list = list[:p.Limit]
	return list, cursorOf(name, key(list[p.Limit-1]))
}

// listOf is a list as it is answered: never null.
func listOf[T, Out any](list []T, of func(T) Out) []Out {
	out := make([]Out, 0, len(list))
	for _, x := range list {
		out = append(out, of(x))
	}
	return out
}

// pageIn is the page of a list that is in memory whole, in order of its key.
func pageIn[T any](list []T, p store.Page, name string, key func(T) string) ([]T, string) {
	from := 0
	for p.After != "" && from < len(list) && cmp.Compare(key(list[from]), p.After) <= 0 {
		from++
	}
	list = append([]T{}, list[from:min(len(list), from+p.Limit+1)]...) // never null
	return onePage(list, p, name, key)
}
