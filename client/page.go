package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
)

// Page asks for one page of a list.
type Page struct {
	Limit  int    // at most; 0: the server's own, 100; the most is 1,000
	Cursor string // Next of the page before; empty: the first
}

// wholePage is what is asked for where all is wanted.
const wholePage = 1000

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

func (p Page) on(path string) string { return withQuery(path, p.query()) }

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// all walks every page. An error comes once, as the last pair.
func all[T any](ctx context.Context, fetch func(context.Context, Page) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		p := Page{Limit: wholePage}
		for {
			list, next, err := fetch(ctx, p)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, one := range list {
				if !yield(one, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			p.Cursor = next
		}
	}
}

// collect is never nil where there is no error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	out := []T{}
	for one, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
