package storetest

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// paged reads a list page by page. Each page but the last must be full, and the
// one after the last empty.
func paged[T any](t *rapid.T, limit int, key func(T) string, page func(store.Page) ([]T, error)) (all []T) {
	for after := ""; ; {
		part, err := page(store.Page{After: after, Limit: limit})
		if err != nil || len(part) > limit {
			t.Fatalf("%d records on a page of %d: %v", len(part), limit, err)
		}
		if all = append(all, part...); len(all) > 10_000 {
			t.Fatal("the pages have no end")
		}
		if len(part) < limit {
			return all
		}
		after = key(part[len(part)-1])
	}
}

func anOwner() core.Owner { return core.Owner{Kind: core.UserOwner, ID: core.NewID("usr")} }

func ids[T any](list []T, id func(T) string) []string {
	out := make([]string, 0, len(list))
	for _, x := range list {
		out = append(out, id(x))
	}
	return out
}

// Secrets come in order of the bytes of their names, each once, and without
// what List gives beside them.
func testSecretPages(t *testing.T, s suite) {
	name := rapid.StringMatching(`[a-cA-C_!é]{1,3}`)
	rapid.Check(t, func(rt *rapid.T) {
		mine, foreign := anOwner(), anOwner()
		names := rapid.SliceOfNDistinct(name, 0, 12, rapid.ID).Draw(rt, "names")
		s.do(t, func(ctx context.Context, tx store.Tx) error {
			for i, n := range names {
				x := Secret(core.NewID("sec"))
				x.Name, x.Owner = n, mine
				if i%3 == 2 {
					x.Owner = foreign
				}
				if err := tx.Secrets().Create(ctx, x); err != nil {
					return err
				}
			}
			return nil
		})
		full := read(t, s, func(ctx context.Context, tx store.Tx) ([]core.SealedSecret, error) {
			return tx.Secrets().List(ctx, mine)
		})
		var want []core.Secret
		for _, x := range full {
			want = append(want, x.Secret)
		}
		got := paged(rt, rapid.IntRange(1, 13).Draw(rt, "limit"), func(x core.Secret) string { return x.Name }, func(p store.Page) ([]core.Secret, error) {
			return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Secret, error) { return tx.Secrets().Page(ctx, mine, p) }), nil
		})
		same(t, want, got)
	})
}

// By another data key than the one that is excepted: what is sealed anew leaves
// the list.
func testSealedPages(t *testing.T, s suite) {
	var want, rest []core.SealedSecret
	foreign := Secret("foreign")
	foreign.Owner, foreign.KeyID = other, "key_2"
	s.do(t, add(store.Tx.Secrets, foreign))
	for i, key := range []string{"key_1", "key_2", "key_1", "key_3", "key_1", "key_2"} {
		x := Secret(string(rune('f' - i)))
		x.KeyID = key
		s.do(t, add(store.Tx.Secrets, x))
		if want = append([]core.SealedSecret{x}, want...); key != "key_2" {
			rest = append([]core.SealedSecret{x}, rest...)
		}
	}
	sealed := func(except string, p store.Page) []core.SealedSecret {
		t.Helper()
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.SealedSecret, error) {
			return tx.Secrets().Sealed(ctx, core.Local, except, p)
		})
	}
	same(t, want, sealed("", store.Page{Limit: 9}))
	same(t, rest, sealed("key_2", store.Page{Limit: 9}))
	same(t, rest[:2], sealed("key_2", store.Page{Limit: 2}))
	same(t, rest[2:], sealed("key_2", store.Page{After: rest[1].Name, Limit: 9}))
	s.fails(t, core.Invalid, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Secrets().Sealed(ctx, core.Local, "", store.Page{})
		return err
	})
}

func testUserPages(t *testing.T, s suite) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 2).Draw(rt, "more") {
			n++
			u := User(core.NewID("usr"))
			u.Name = rapid.StringMatching(`[a-z.]{1,3}`).Draw(rt, "name") + u.ID
			s.do(t, add(store.Tx.Users, u))
		}
		got := paged(rt, rapid.IntRange(8, 60).Draw(rt, "limit"), func(u core.User) string { return u.Name }, func(p store.Page) ([]core.User, error) {
			return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.User, error) { return tx.Users().Page(ctx, p) }), nil
		})
		if len(got) != n || !slices.IsSortedFunc(got, func(a, b core.User) int { return cmp.Compare(a.Name, b.Name) }) {
			rt.Fatalf("%d users, want %d: %v", len(got), n, ids(got, func(u core.User) string { return u.Name }))
		}
	})
}

// Whatever the filter, the pages together are the filtered list, newest first.
func testWorkspacePages(t *testing.T, s suite) {
	workspace := rapid.Custom(func(rt *rapid.T) core.Workspace {
		w := core.Workspace{ID: core.NewID("wsp"), Version: 1}
		w.CreatedAt = at(rapid.IntRange(0, 3).Draw(rt, "created"))
		w.Launcher = rapid.SampledFrom([]string{"", "tf"}).Draw(rt, "launcher")
		w.Labels = rapid.SampledFrom([]map[string]string{nil, {"team": "web"}, {"team": "web", "a.b/c": "x"}, {"team": "db"}}).Draw(rt, "labels")
		if rapid.IntRange(0, 3).Draw(rt, "ended") == 0 {
			w.EndedAt = at(9)
		}
		return w
	})
	rapid.Check(t, func(rt *rapid.T) {
		mine, foreign := anOwner(), anOwner()
		all := rapid.SliceOfN(workspace, 0, 15).Draw(rt, "workspaces")
		for i := range all {
			all[i].Owner = mine
			if i%4 == 3 {
				all[i].Owner = foreign
			}
		}
		s.do(t, add(store.Tx.Workspaces, all...))
		f := store.WorkspaceFilter{
			Ended:    rapid.Bool().Draw(rt, "too"),
			Selector: rapid.SampledFrom([]core.Selector{nil, {"team": "web"}, {"a.b/c": "x"}, {"team": "none"}}).Draw(rt, "selector"),
			Launcher: rapid.SampledFrom([]string{"", "tf", "none"}).Draw(rt, "by"),
		}
		got := paged(rt, rapid.IntRange(1, 5).Draw(rt, "limit"), func(w core.Workspace) string { return w.ID }, func(p store.Page) ([]core.Workspace, error) {
			return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Workspace, error) {
				return tx.Workspaces().Page(ctx, mine, f, p)
			}), nil
		})
		same(t, ids(matching(all, mine, f), func(w core.Workspace) string { return w.ID }), ids(got, func(w core.Workspace) string { return w.ID }))
	})
}

// matching says what the pages must hold, by the port's words alone.
func matching(all []core.Workspace, o core.Owner, f store.WorkspaceFilter) []core.Workspace {
	var out []core.Workspace
	for _, w := range all {
		if w.Owner == o && (f.Ended || w.EndedAt.IsZero()) && f.Selector.Matches(w.Labels) && (f.Launcher == "" || f.Launcher == w.Launcher) {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b core.Workspace) int {
		return -cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func testBadPages(t *testing.T, s suite) {
	foreign := Workspace("f")
	foreign.Owner = other
	s.do(t, add(store.Tx.Workspaces, Workspace("a"), foreign))
	for name, page := range map[string]func(context.Context, store.Tx) error{
		"secrets": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Secrets().Page(ctx, core.Local, store.Page{})
			return err
		},
		"users": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Users().Page(ctx, store.Page{Limit: -1})
			return err
		},
		"workspaces": pageAfter("", 0),
		"unknown":    pageAfter("gone", 5),
		"another's":  pageAfter("f", 5),
	} {
		t.Run(name, func(t *testing.T) { s.fails(t, core.Invalid, page) })
	}
	// A page may begin after one that has ended meanwhile.
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, "a", at(3)) })
	s.do(t, pageAfter("a", 5))
}

func pageAfter(id string, limit int) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Workspaces().Page(ctx, core.Local, store.WorkspaceFilter{}, store.Page{After: id, Limit: limit})
		return err
	}
}
