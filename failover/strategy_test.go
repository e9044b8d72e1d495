package failover_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyfob/failover"
)

func roundRobin(ids ...string) *failover.Pool {
	p := pool(ids...)
	p.Use(failover.RoundRobin, false)
	return p
}

func TestStrategyTexts(t *testing.T) {
	for _, s := range []failover.Strategy{failover.Sticky, failover.RoundRobin} {
		if got, ok := failover.ParseStrategy(s.String()); !ok || got != s {
			t.Errorf("%v is read as %v, %t", s, got, ok)
		}
	}
	if _, ok := failover.ParseStrategy("random"); ok {
		t.Error("an unknown strategy is read")
	}
}

func TestRoundRobinTakesTurnsInOrder(t *testing.T) {
	p := roundRobin("a", "b", "c")
	var got []string
	for range 7 {
		got = append(got, pick(t, p, t0, failover.Query{}).ID)
	}
	expectList(t, "turns", got, "a", "b", "c", "a", "b", "c", "a")
	p.Use(failover.Sticky, false)
	expect(t, "sticky again", pick(t, p, t0, failover.Query{}).ID, "a")
}

// A conversation's requests stay with its account, and take nobody's turn.
func TestRoundRobinKeepsConversations(t *testing.T) {
	p := roundRobin("a", "b", "c")
	talk := failover.Query{Affinity: "talk"}
	id, _ := answered(t, p, t0, talk, fine)
	expect(t, "begins with", id, "a")
	for range 5 {
		id, _ = answered(t, p, t0, talk, fine)
		expect(t, "stays with", id, "a")
	}
	expect(t, "the next turn", pick(t, p, t0, failover.Query{}).ID, "b")
}

// fairness follows who could take every request since the last time that each
// account was picked.
type fairness struct {
	waits map[string]map[string]int // of an account that could take all: how often another was picked meanwhile
}

func (f *fairness) picked(t *rapid.T, id string, could func(string) bool, ids []string) {
	for _, a := range ids {
		if a == id || !could(a) {
			f.waits[a] = map[string]int{}
			continue
		}
		if f.waits[a][id]++; f.waits[a][id] > 1 {
			t.Fatalf("%s had two turns while %s, which could take both, had none", id, a)
		}
	}
}

// Whatever cools, recovers and is skipped meanwhile, no account that could take
// every request is passed over twice for the same other one.
func TestRoundRobinIsFair(t *testing.T) {
	ids := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		p, now := roundRobin(ids...), t0
		f := fairness{waits: map[string]map[string]int{}}
		for _, id := range ids {
			f.waits[id] = map[string]int{}
		}
		cooling := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			if rapid.IntRange(0, 3).Draw(t, "news") == 0 {
				id := rapid.SampledFrom(ids).Draw(t, "about")
				if cooling[id] = !cooling[id]; cooling[id] {
					p.Load(members(ids), []failover.Health{{ID: id, Kind: failover.Dead, Until: failover.Forever, Epoch: epochOf(p, id)}})
				} else {
					p.Clear(id)
				}
			}
			skip := rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID).Draw(t, "skipped")
			could := func(id string) bool { return !cooling[id] && !slices.Contains(skip, id) }
			q := failover.Query{Skip: func(id string) (failover.Health, bool) { return failover.Health{}, slices.Contains(skip, id) }}
			pk, err := p.Pick(now, q)
			if err != nil {
				if slices.ContainsFunc(ids, could) {
					t.Fatalf("nobody, though somebody could: %v", err)
				}
				continue
			}
			if !could(pk.ID) {
				t.Fatalf("%s was picked, and could not take it", pk.ID)
			}
			f.picked(t, pk.ID, could, ids)
			p.Report(now, pk, q, fine)
		}
	})
}

func members(ids []string) []failover.Member {
	var out []failover.Member
	for _, id := range ids {
		out = append(out, failover.Member{ID: id})
	}
	return out
}

// epochOf is an account's epoch, told by a clear's record: one more each time.
func epochOf(p *failover.Pool, id string) int64 { return p.Clear(id)[0].Epoch }

func TestSkip(t *testing.T) {
	p := pool("a", "b", "c")
	midnight := t0.Add(5 * time.Hour)
	q := failover.Query{Affinity: "talk", Skip: func(id string) (failover.Health, bool) {
		switch id {
		case "a":
			return failover.Health{}, true
		case "b":
			return failover.Health{ID: "b", Kind: failover.Limited, Until: midnight, Reason: "a limit"}, true
		}
		return failover.Health{}, false
	}}
	id, _ := answered(t, p, t0, q, verdict(failover.Limited, failover.Account))
	expect(t, "picked", id, "c")
	_, err := p.Pick(t0, q)
	e, ok := err.(*failover.ExhaustedError)
	if !ok || e.None || !e.Known || e.RetryAfter != 30*time.Second || len(e.Held) != 2 {
		t.Fatalf("%+v", err)
	}
	q.Skip = func(string) (failover.Health, bool) { return failover.Health{}, true }
	if _, err := p.Pick(t0, q); !err.(*failover.ExhaustedError).None {
		t.Errorf("%+v", err)
	}
	expect(t, "others go there", pick(t, p, t0, failover.Query{}).ID, "a")
}

// What cools for longer than it is skipped, or for ever, shows as that.
func TestSkippedAndCooling(t *testing.T) {
	p := pool("a")
	until := t0.Add(time.Hour)
	q := failover.Query{Skip: func(string) (failover.Health, bool) {
		return failover.Health{ID: "a", Kind: failover.Limited, Until: until, Reason: "a limit"}, true
	}}
	for _, c := range []struct {
		held   failover.Health
		reason string
		known  bool
	}{
		{failover.Health{ID: "a", Kind: failover.Limited, Until: t0.Add(time.Minute), Reason: "short"}, "a limit", true},
		{failover.Health{ID: "a", Kind: failover.NoCredit, Until: t0.Add(2 * time.Hour), Reason: "long"}, "long", true},
		{failover.Health{ID: "a", Kind: failover.Dead, Until: failover.Forever, Reason: "dead"}, "", false},
	} {
		p.Load([]failover.Member{{ID: "a"}}, []failover.Health{c.held})
		_, err := p.Pick(t0, q)
		e, ok := err.(*failover.ExhaustedError)
		if !ok || e.Reason != c.reason || e.Known != c.known || e.None {
			t.Errorf("%s: %+v", c.held.Reason, err)
		}
	}
}
