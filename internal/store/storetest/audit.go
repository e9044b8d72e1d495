package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func appendEntries(entries ...core.AuditEntry) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, e := range entries {
			if err := tx.Audit().Append(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s suite) entries(t testing.TB, before time.Time, limit int) []core.AuditEntry {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.AuditEntry, error) {
		return tx.Audit().List(ctx, core.Local, before, limit)
	})
}

func testAudit(t *testing.T, s suite) {
	head := func(writer string) func(context.Context, store.Tx) (core.AuditEntry, error) {
		return func(ctx context.Context, tx store.Tx) (core.AuditEntry, error) { return tx.Audit().Head(ctx, writer) }
	}
	missing(t, s, head("w"))
	bare := core.AuditEntry{Writer: "w", Seq: 3, At: at(3), Actor: core.Actor{Kind: core.SystemActor, ID: "x"}, Action: "a", Outcome: "denied"}
	s.do(t, appendEntries(Entry("w", 1), Entry("v", 1), Entry("w", 2), bare))
	same(t, bare, read(t, s, head("w")))
	same(t, Entry("v", 1), read(t, s, head("v")))
	same(t, []string{"v", "w"}, read(t, s, func(ctx context.Context, tx store.Tx) ([]string, error) { return tx.Audit().Writers(ctx) }))

	walk := func(stop error) (seen []core.AuditEntry, err error) {
		err = s.View(t.Context(), func(tx store.Tx) error {
			return tx.Audit().Walk(t.Context(), "w", func(e core.AuditEntry) error { seen = append(seen, e); return stop })
		})
		return seen, err
	}
	seen, err := walk(nil)
	same(t, []core.AuditEntry{Entry("w", 1), Entry("w", 2), bare}, seen)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if seen, err = walk(stop); !errors.Is(err, stop) || len(seen) != 1 {
		t.Fatalf("%d entries, %v", len(seen), err)
	}
}

func testAuditGaps(t *testing.T, s suite) {
	s.fails(t, core.Conflict, appendEntries(Entry("w", 2)))
	s.fails(t, core.Conflict, appendEntries(Entry("w", 0)))
	s.do(t, appendEntries(Entry("w", 1)))
	for _, seq := range []int64{-1, 0, 1, 3} {
		s.fails(t, core.Conflict, appendEntries(Entry("w", seq)))
	}
	s.fails(t, core.Conflict, appendEntries(Entry("w", 2), Entry("w", 2)))
	s.do(t, appendEntries(Entry("w", 2)))
	s.do(t, appendEntries(Entry("v", 1)))
}

func testAuditList(t *testing.T, s suite) {
	foreign := Entry("w", 3)
	foreign.Owner = other
	s.do(t, appendEntries(Entry("w", 1), Entry("w", 2), foreign, Entry("w", 4)))
	same(t, []core.AuditEntry{Entry("w", 4), Entry("w", 2), Entry("w", 1)}, s.entries(t, time.Time{}, 10))
	same(t, []core.AuditEntry{Entry("w", 4), Entry("w", 2)}, s.entries(t, time.Time{}, 2))
	same(t, []core.AuditEntry{Entry("w", 2)}, s.entries(t, at(4), 1))
	same(t, []core.AuditEntry{Entry("w", 1)}, s.entries(t, at(2), 10))
	for _, got := range [][]core.AuditEntry{s.entries(t, at(1), 10), s.entries(t, time.Time{}, 0), s.entries(t, time.Time{}, -1)} {
		if len(got) != 0 {
			t.Fatalf("%+v", got)
		}
	}
}

// Paging by the last entry's time shows each entry once, also where writers
// share a microsecond.
func testAuditPages(t *testing.T, s suite) {
	for i := range 10 {
		a, b, c := Entry("a", int64(i+1)), Entry("b", int64(i+1)), Entry("c", int64(i+1))
		a.At, b.At, c.At = at(i), at(i), at(i/2)
		s.do(t, appendEntries(a, b, c))
	}
	for _, limit := range []int{4, 5, 7, 30, 100} {
		type link struct {
			writer string
			seq    int64
		}
		seen, before := map[link]bool{}, time.Time{}
		for {
			page := s.entries(t, before, limit)
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				t.Fatalf("%d entries on a page of %d", len(page), limit)
			}
			for _, e := range page {
				k := link{e.Writer, e.Seq}
				if seen[k] || (!before.IsZero() && !e.At.Before(before)) {
					t.Fatalf("page of %d: %+v comes twice or too late", limit, k)
				}
				seen[k] = true
			}
			before = page[len(page)-1].At
		}
		if len(seen) != 30 {
			t.Fatalf("pages of %d show %d of 30 entries", limit, len(seen))
		}
	}
}

// Whoever fills the trail with large entries must not make a reader hold them all.
func testAuditLargePages(t *testing.T, s suite) {
	for n := range int64(20) {
		e := Entry("w", n+1)
		e.Detail = map[string]string{"names": strings.Repeat("x", store.MaxAuditPage/4)}
		s.do(t, appendEntries(e))
	}
	var seen []int64
	for before := (time.Time{}); ; {
		page := s.entries(t, before, 100)
		if len(page) == 0 {
			break
		}
		if len(page) > 5 {
			t.Fatalf("a page of %d entries, of which four fill it", len(page))
		}
		for _, e := range page {
			seen = append(seen, e.Seq)
		}
		before = page[len(page)-1].At
	}
	if len(seen) != 20 || !slices.IsSortedFunc(seen, func(a, b int64) int { return cmp.Compare(b, a) }) {
		t.Errorf("pages show %v", seen)
	}
}

// What would not come back as it was is refused: the chain's hash covers it.
func testAuditText(t *testing.T, s suite) {
	e := Entry("w", 1)
	e.Detail = map[string]string{"name": "bad \xff text"}
	s.fails(t, core.Invalid, appendEntries(e))
	e.Detail = map[string]string{"<tag>": "a & \u2028 \x00 \"b\"", "": ""}
	s.do(t, appendEntries(e))
	same(t, []core.AuditEntry{e}, s.entries(t, time.Time{}, 1))
}

func testAuditListAll(t *testing.T, s suite) {
	foreign := Entry("w", 3)
	foreign.Owner = other
	s.do(t, appendEntries(Entry("w", 1), Entry("w", 2), foreign))
	list := func(before time.Time, limit int) []core.AuditEntry {
		t.Helper()
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.AuditEntry, error) {
			return tx.Audit().ListAll(ctx, before, limit)
		})
	}
	same(t, []core.AuditEntry{foreign, Entry("w", 2), Entry("w", 1)}, list(time.Time{}, 10))
	same(t, []core.AuditEntry{Entry("w", 2)}, list(at(3), 1))
	if got := list(time.Time{}, 0); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	together := Entry("v", 1)
	together.At = at(3)
	s.do(t, appendEntries(together))
	same(t, []core.AuditEntry{foreign, together}, list(time.Time{}, 2))
	same(t, []core.AuditEntry{Entry("w", 2), Entry("w", 1)}, list(at(3), 2))
}

func testAuditHeads(t *testing.T, s suite) {
	heads := func(ctx context.Context, tx store.Tx) ([]core.Head, error) { return tx.Audit().Heads(ctx) }
	if got := read(t, s, heads); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	writers := func() []string {
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]string, error) { return tx.Audit().Writers(ctx) })
	}
	if got := writers(); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	s.do(t, appendEntries(Entry("w", 1), Entry("v", 1), Entry("w", 2), Entry("", 1), Entry("W", 1), Entry("w", 3)))
	same(t, []core.Head{
		{Writer: "", Seq: 1, Hash: Entry("", 1).Hash}, {Writer: "W", Seq: 1, Hash: Entry("W", 1).Hash},
		{Writer: "v", Seq: 1, Hash: Entry("v", 1).Hash}, {Writer: "w", Seq: 3, Hash: Entry("w", 3).Hash},
	}, read(t, s, heads))
	same(t, []string{"", "W", "v", "w"}, writers())
}
