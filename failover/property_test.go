package failover

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch0 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func genHealth() *rapid.Generator[Health] {
	return rapid.Custom(func(t *rapid.T) Health {
		h := Health{
			ID:    rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
			Model: rapid.SampledFrom([]string{"", "m", "n"}).Draw(t, "model"),
			Kind:  Kind(rapid.IntRange(0, int(Transient)).Draw(t, "kind")),
			Epoch: rapid.Int64Range(0, 3).Draw(t, "epoch"), Reason: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "reason"),
		}
		h.Until = epoch0.Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "until")) * time.Hour)
		if rapid.Bool().Draw(t, "zone") {
			h.Until = h.Until.In(time.FixedZone("elsewhere", 3600))
		}
		return h
	})
}

// state is all that merging decides, as text.
func state(p *Pool) string {
	s := ""
	for _, a := range p.order {
		s += fmt.Sprint(a.ID, a.Epoch, ";")
	}
	for _, h := range p.Health(epoch0) {
		s += fmt.Sprintf("%+v;", h)
	}
	return s
}

// TestMergeIsALattice: records give the same result in any order, grouping and
// number.
func TestMergeIsALattice(t *testing.T) {
	members := []Member{{ID: "a"}, {ID: "b", Epoch: 1}}
	rapid.Check(t, func(t *rapid.T) {
		hs := rapid.SliceOfN(genHealth(), 0, 12).Draw(t, "records")
		once := NewPool(Options{})
		once.Load(members, hs)
		mixed := rapid.Permutation(slices.Concat(hs, hs)).Draw(t, "mixed")
		parts := NewPool(Options{})
		parts.Load(members, nil)
		for len(mixed) > 0 {
			n := rapid.IntRange(1, len(mixed)).Draw(t, "part")
			parts.Load(members, mixed[:n])
			mixed = mixed[n:]
		}
		// And what one pool holds, another takes over whole.
		copied := NewPool(Options{})
		var epochs []Member
		for _, a := range parts.order {
			epochs = append(epochs, Member{ID: a.ID, Epoch: a.Epoch})
		}
		copied.Load(epochs, parts.Health(epoch0))
		if a, b, c := state(once), state(parts), state(copied); a != b || a != c {
			t.Fatalf("at once:   %s\nin parts:  %s\ncopied:    %s", a, b, c)
		}
	})
}

// world drives a pool at random and holds it against what must always be so.
type world struct {
	p       *Pool
	now     time.Time
	members []Member
	out     []flight
	stored  *Pool // takes nothing but what the pool says to persist
}

type flight struct {
	pk Pick
	q  Query
}

func (w *world) query(t *rapid.T) Query {
	return Query{
		Model:    rapid.SampledFrom([]string{"", "m", "n"}).Draw(t, "model"),
		Affinity: rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "affinity"),
		Bound:    rapid.SampledFrom([]string{"", "", "", "c", "nobody"}).Draw(t, "bound"),
		Tried:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 2, rapid.ID).Draw(t, "tried"),
		NoProbe:  rapid.Bool().Draw(t, "noprobe"),
	}
}

// holding says whether something is held against the account for the model now.
func (w *world) holding(id, model string) bool {
	return slices.ContainsFunc(w.p.Health(w.now), func(h Health) bool {
		return h.ID == id && (h.Model == "" || h.Model == model)
	})
}

func (w *world) probing(id string) bool {
	return slices.ContainsFunc(w.out, func(f flight) bool {
		return f.pk.ID == id && f.pk.Probe && w.now.Sub(f.pk.at) < w.p.opt.ProbeTimeout
	})
}

func (w *world) eligible(q Query) (ids []string) {
	for _, m := range w.members {
		if q.Bound == "" || m.ID == q.Bound || (q.Bound == "c" && m.Group == "g") {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (w *world) Pick(t *rapid.T) {
	q := w.query(t)
	pk, err := w.p.Pick(w.now, q)
	if err != nil {
		w.exhausted(t, q, err)
		return
	}
	switch {
	case slices.Contains(q.Tried, pk.ID):
		t.Fatalf("%s was tried already", pk.ID)
	case !slices.Contains(w.eligible(q), pk.ID):
		t.Fatalf("%s may not take %+v", pk.ID, q)
	case pk.Probe && w.probing(pk.ID):
		t.Fatalf("two probes of %s at a time", pk.ID)
	case w.holding(pk.ID, pk.Model) && !pk.Probe:
		t.Fatalf("%s is cooling, and this is no probe", pk.ID)
	}
	w.out = append(w.out, flight{pk, q})
	w.first(t, q, pk)
	w.homes(t, q)
}

// first: without a mark, nobody stands before the pick who is without fault.
func (w *world) first(t *rapid.T, q Query, pk Pick) {
	if q.Affinity != "" || q.Bound != "" {
		return
	}
	for _, a := range w.p.order {
		if a.ID == pk.ID {
			return
		}
		if !slices.Contains(q.Tried, a.ID) && a.about(q.Model) == [2]*hold{} {
			t.Fatalf("%s was passed over for %s", a.ID, pk.ID)
		}
	}
}

// homes: nobody who asked is pinned to an account that will not come back.
func (w *world) homes(t *rapid.T, q Query) {
	if q.Affinity == "" || q.Bound != "" {
		return
	}
	if a := w.p.byID[w.p.homes.get(w.now, q.Affinity)]; a != nil && a.gone(q.Model) {
		t.Fatalf("%s is pinned to %s, which is gone", q.Affinity, a.ID)
	}
}

func (w *world) exhausted(t *rapid.T, q Query, err error) {
	e, ok := errors.AsType[*ExhaustedError](err)
	ids := w.eligible(q)
	if !ok || e.None != (len(ids) == 0) {
		t.Fatalf("%#v with %v", err, ids)
	}
	for _, id := range ids {
		if !slices.Contains(q.Tried, id) && !w.holding(id, q.Model) && !w.probing(id) {
			t.Fatalf("exhausted, but %s is not cooling", id)
		}
	}
	if e.Known != (e.RetryAfter >= time.Second) {
		t.Fatalf("known %v, retry after %v", e.Known, e.RetryAfter)
	}
	for _, h := range e.Held {
		if left := h.Until.Sub(w.now); !h.Until.Equal(Forever) && max(left, time.Second) < e.RetryAfter {
			t.Fatalf("%s is back in %v, before %v", h.ID, left, e.RetryAfter)
		}
	}
}

func (w *world) take(t *rapid.T) (f flight, ok bool) {
	if len(w.out) == 0 {
		return f, false
	}
	i := rapid.IntRange(0, len(w.out)-1).Draw(t, "flight")
	f = w.out[i]
	w.out = slices.Delete(w.out, i, i+1)
	return f, true
}

func (w *world) Report(t *rapid.T) {
	f, ok := w.take(t)
	if !ok {
		return
	}
	v := Verdict{Kind: Kind(rapid.IntRange(0, int(Transient)).Draw(t, "kind")), Scope: Scope(rapid.IntRange(0, 3).Draw(t, "scope"))}
	if rapid.Bool().Draw(t, "timed") {
		v.Until = w.now.Add(time.Duration(rapid.IntRange(-10, 1e6).Draw(t, "until")) * time.Second)
	}
	before := state(w.p)
	a := w.p.byID[f.pk.ID]
	old := a != nil && f.pk.epoch < a.Epoch && (v.Kind == Dead || v.Kind == Expired)
	changed := w.p.Report(w.now, f.pk, f.q, v)
	if len(changed) == 0 && state(w.p) != before {
		t.Fatalf("changed without a record:\n%s\n%s", before, state(w.p))
	}
	w.persist(t, changed)
	if old && len(changed) > 0 {
		t.Fatalf("%v of a credential from before a clear: %v", v.Kind, changed)
	}
	if v.Kind != OK && v.Scope != Request && a != nil && !old && !w.holding(f.pk.ID, f.pk.Model) {
		t.Fatalf("%v of %v holds nothing", v.Kind, v.Scope)
	}
}

// persist: a store that merges the records knows as much as the pool.
func (w *world) persist(t *rapid.T, hs []Health) {
	w.stored.Load(w.members, hs)
	if a, b := state(w.p), state(w.stored); a != b {
		t.Fatalf("the pool:  %s\nthe store: %s", a, b)
	}
}

func (w *world) Release(t *rapid.T) {
	if f, ok := w.take(t); ok {
		w.p.Release(f.pk)
		w.p.Release(f.pk)
	}
}

func (w *world) Clear(t *rapid.T) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")
	w.persist(t, w.p.Clear(id))
	if w.p.byID[id] != nil && (w.holding(id, "m") || w.holding(id, "n")) {
		t.Fatalf("%s is held after a clear", id)
	}
}

func (w *world) News(t *rapid.T) {
	hs := rapid.SliceOfN(genHealth(), 1, 3).Draw(t, "news")
	w.p.Load(w.members, hs)
	w.persist(t, hs)
}

func (w *world) Wait(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "seconds")) * time.Second)
}

// Check: the order is the user's.
func (w *world) Check(t *rapid.T) {
	for i, a := range w.p.order {
		if a.ID != w.members[i].ID {
			t.Fatalf("the order changed: %s at %d", a.ID, i)
		}
		if h := a.holds["m"]; h != nil && h.Epoch != a.Epoch {
			t.Fatalf("%s holds something of another epoch", a.ID)
		}
	}
}

func TestPoolInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{p: NewPool(Options{}), stored: NewPool(Options{}), now: epoch0,
			members: []Member{{ID: "a"}, {ID: "b"}, {ID: "c", Group: "g"}, {ID: "d", Group: "g"}}}
		w.p.Load(w.members, nil)
		w.stored.Load(w.members, nil)
		t.Repeat(map[string]func(*rapid.T){
			"pick": w.Pick, "report": w.Report, "release": w.Release, "clear": w.Clear, "news": w.News, "wait": w.Wait, "": w.Check,
		})
	})
}
