package failover_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"keyfob/failover"
)

var t0 = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func pick(t *testing.T, p *failover.Pool, now time.Time, q failover.Query) failover.Pick {
	t.Helper()
	pk, err := p.Pick(now, q)
	if err != nil {
		t.Fatalf("Pick: %v", err)
	}
	return pk
}

// answered picks, reports and gives the account's id and what changed.
func answered(t *testing.T, p *failover.Pool, now time.Time, q failover.Query, v failover.Verdict) (string, []failover.Health) {
	t.Helper()
	pk := pick(t, p, now, q)
	return pk.ID, p.Report(now, pk, q, v)
}

func verdict(k failover.Kind, s failover.Scope) failover.Verdict {
	return failover.Verdict{Kind: k, Scope: s, Reason: k.String(), EffectFree: true}
}

var fine = failover.Verdict{}

func TestDefaultRests(t *testing.T) {
	for _, c := range []struct {
		v    failover.Verdict
		want []time.Duration // of failures in a row, each when the one before has ended
	}{
		{verdict(failover.Limited, failover.Account), []time.Duration{30 * time.Second, 30 * time.Second}},
		{verdict(failover.Expired, failover.Account), []time.Duration{5 * time.Minute}},
		{verdict(failover.NoCredit, failover.Account), []time.Duration{time.Hour, time.Hour}},
		{verdict(failover.Overloaded, failover.Account), []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 2 * time.Minute, 2 * time.Minute}},
		{verdict(failover.Transient, failover.Account), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{failover.Verdict{Kind: failover.Limited, Scope: failover.Account, Until: t0.Add(1000 * time.Hour)}, []time.Duration{24 * time.Hour}},
		{failover.Verdict{Kind: failover.Limited, Scope: failover.Account, Until: t0.Add(-time.Hour)}, []time.Duration{time.Second}},
		{failover.Verdict{Kind: failover.Limited, Scope: failover.Account, Until: t0.Add(1200 * time.Millisecond)}, []time.Duration{2 * time.Second}},
	} {
		p, now := pool("a"), t0
		for i, want := range c.want {
			_, hs := answered(t, p, now, failover.Query{}, c.v)
			if len(hs) != 1 || hs[0].Until.Sub(now) != want {
				t.Errorf("%v, failure %d: got %+v, want %v", c.v.Kind, i+1, hs, want)
				break
			}
			now = hs[0].Until
		}
	}
	p := pool("a")
	_, hs := answered(t, p, t0, failover.Query{}, verdict(failover.Dead, failover.Account))
	expect(t, "dead", hs[0].Until, failover.Forever)
	var e *failover.ExhaustedError
	_, err := p.Pick(t0.Add(100*365*24*time.Hour), failover.Query{})
	if !errors.As(err, &e) || e.Known || e.None || len(e.Held) != 1 {
		t.Errorf("a dead pool: got %#v", err)
	}
}

// TestOneIncident: requests under way when an overload begins are one failure.
func TestOneIncident(t *testing.T) {
	p := pool("a")
	var picks []failover.Pick
	for range 20 {
		picks = append(picks, pick(t, p, t0, failover.Query{}))
	}
	changes := 0
	for i, pk := range picks {
		changes += len(p.Report(t0.Add(time.Duration(i+1)*time.Millisecond), pk, failover.Query{}, verdict(failover.Overloaded, failover.Account)))
	}
	expect(t, "changes", changes, 1)
	expect(t, "until", p.Health(t0)[0].Until.Sub(t0), 5*time.Second+time.Millisecond)
}

func TestSuccessEndsTheGrowth(t *testing.T) {
	p, over := pool("a"), verdict(failover.Overloaded, failover.Account)
	_, _ = answered(t, p, t0, failover.Query{}, over)
	_, hs := answered(t, p, t0.Add(time.Minute), failover.Query{}, fine)
	if len(hs) != 1 || hs[0].Kind != failover.OK || hs[0].Epoch != 1 {
		t.Fatalf("clear: got %+v", hs)
	}
	_, hs = answered(t, p, t0.Add(2*time.Minute), failover.Query{}, over)
	expect(t, "rest", hs[0].Until.Sub(t0), 2*time.Minute+5*time.Second)
	expect(t, "epoch", hs[0].Epoch, 1)
}

func TestScopes(t *testing.T) {
	members := []failover.Member{{ID: "a", Group: "org"}, {ID: "b"}, {ID: "c", Group: "org"}}
	for _, c := range []struct {
		v     failover.Verdict
		other string // who takes another model next
		same  string // who takes the same model next
		holds int
	}{
		{verdict(failover.Limited, failover.Model), "a", "b", 2},
		{verdict(failover.Limited, failover.Account), "b", "b", 2},
		{verdict(failover.NoCredit, failover.Account), "b", "b", 2},
		{verdict(failover.Dead, failover.Account), "b", "b", 1},
		{verdict(failover.Dead, failover.QuotaGroup), "b", "b", 2},
		{verdict(failover.Overloaded, failover.Model), "a", "b", 1},
		{verdict(failover.Expired, failover.Request), "a", "a", 0},
	} {
		p := failover.NewPool(failover.Options{})
		p.Load(members, nil)
		_, hs := answered(t, p, t0, failover.Query{Model: "m"}, c.v)
		name := fmt.Sprint(c.v.Kind, " of ", c.v.Scope)
		expect(t, name+": records", len(hs), c.holds)
		expect(t, name+": the same model", pick(t, p, t0, failover.Query{Model: "m"}).ID, c.same)
		expect(t, name+": another model", pick(t, p, t0, failover.Query{Model: "n"}).ID, c.other)
	}
}

func TestAffinity(t *testing.T) {
	p := pool("a", "b")
	q := failover.Query{Affinity: "talk", Model: "m"}
	limited := verdict(failover.Limited, failover.Account)
	id, _ := answered(t, p, t0, q, fine)
	expect(t, "first", id, "a")
	_, _ = answered(t, p, t0, failover.Query{}, limited)
	id, _ = answered(t, p, t0.Add(time.Second), q, fine)
	expect(t, "borrows", id, "b")
	id, _ = answered(t, p, t0.Add(time.Minute), q, fine)
	expect(t, "returns", id, "a")

	_, _ = answered(t, p, t0.Add(time.Minute), failover.Query{}, limited)
	later := failover.Query{Affinity: "later"}
	id, _ = answered(t, p, t0.Add(61*time.Second), later, fine)
	expect(t, "begins elsewhere", id, "b")
	_, _ = answered(t, p, t0.Add(2*time.Minute), failover.Query{}, fine)
	id, _ = answered(t, p, t0.Add(2*time.Minute), later, fine)
	expect(t, "stays where it began", id, "b")
	id, _ = answered(t, p, t0.Add(2*time.Minute), failover.Query{}, fine)
	expect(t, "without a mark, the order", id, "a")

	now := t0.Add(3 * time.Minute)
	_, _ = answered(t, p, now, q, verdict(failover.Dead, failover.Account))
	id, _ = answered(t, p, now, q, fine)
	expect(t, "moves", id, "b")
	p.Clear("a")
	id, _ = answered(t, p, now, q, fine)
	expect(t, "for good", id, "b")
	id, _ = answered(t, p, now.Add(2*time.Hour), q, fine)
	expect(t, "until it is forgotten", id, "a")
}

func TestAffinityIsBounded(t *testing.T) {
	p := failover.NewPool(failover.Options{Conversations: 2})
	p.Load([]failover.Member{{ID: "a"}, {ID: "b"}}, []failover.Health{{ID: "a", Kind: failover.Limited, Until: t0.Add(time.Second)}})
	for _, k := range []string{"one", "two", "one", "three"} {
		_, _ = answered(t, p, t0, failover.Query{Affinity: k}, fine)
	}
	now := t0.Add(time.Minute)
	_, _ = answered(t, p, now, failover.Query{}, fine)
	for k, want := range map[string]string{"one": "b", "two": "a", "three": "b"} {
		expect(t, k, pick(t, p, now, failover.Query{Affinity: k}).ID, want)
	}
}

func TestBound(t *testing.T) {
	p := failover.NewPool(failover.Options{})
	p.Load([]failover.Member{{ID: "a"}, {ID: "b", Group: "g"}, {ID: "c", Group: "g"}}, nil)
	q := failover.Query{Bound: "c"}
	expect(t, "its account", pick(t, p, t0, q).ID, "c")
	_, _ = answered(t, p, t0, q, verdict(failover.Overloaded, failover.Account))
	expect(t, "its group", pick(t, p, t0, q).ID, "b")
	q.Tried = []string{"b", "c"}
	var e *failover.ExhaustedError
	if _, err := p.Pick(t0, q); !errors.As(err, &e) || e.None || len(e.Held) != 1 {
		t.Errorf("nobody else: got %#v", err)
	}
	if _, err := p.Pick(t0, failover.Query{Bound: "gone"}); !errors.As(err, &e) || !e.None {
		t.Errorf("bound to nobody: got %#v", err)
	}
}

func TestNoProbe(t *testing.T) {
	p := pool("a", "b")
	_, _ = answered(t, p, t0, failover.Query{}, verdict(failover.Limited, failover.Account))
	now := t0.Add(time.Minute)
	expect(t, "a single shot goes where it is safe", pick(t, p, now, failover.Query{NoProbe: true}).ID, "b")
	expect(t, "and probes if nobody else is left", pick(t, p, now, failover.Query{NoProbe: true, Tried: []string{"b"}}).ID, "a")
}

// TestShortRestLetsAllPass: a pool of one does not refuse everybody for the time
// that the probe after a short rest takes. A long one does.
func TestEndOfRestInAPoolOfOne(t *testing.T) {
	for kind, all := range map[failover.Kind]bool{failover.Limited: true, failover.NoCredit: false} {
		p := pool("a")
		_, hs := answered(t, p, t0, failover.Query{}, verdict(kind, failover.Account))
		first := pick(t, p, hs[0].Until, failover.Query{})
		expect(t, "probe", first.Probe, true)
		second, err := p.Pick(hs[0].Until, failover.Query{})
		expect(t, kind.String()+": beside the probe", err == nil, all)
		expect(t, "no second probe", second.Probe, false)
	}
}

func TestAbandonedProbe(t *testing.T) {
	p := pool("a")
	_, hs := answered(t, p, t0, failover.Query{}, verdict(failover.NoCredit, failover.Account))
	now := hs[0].Until
	lost := pick(t, p, now, failover.Query{})
	if _, err := p.Pick(now.Add(4*time.Minute), failover.Query{}); err == nil {
		t.Error("a second probe within the time-out")
	}
	next := pick(t, p, now.Add(5*time.Minute), failover.Query{})
	expect(t, "probe", next.Probe, true)
	p.Release(lost) // late: the other's probe is not its to free
	if _, err := p.Pick(now.Add(5*time.Minute), failover.Query{}); err == nil {
		t.Error("a late release freed another's probe")
	}
}

// TestClearKeepsWhatElseHolds: a probe of one model clears that alone, for every
// pool that hears of it.
func TestClearKeepsWhatElseHolds(t *testing.T) {
	p, other := pool("a"), pool("a")
	short := verdict(failover.Limited, failover.Model)
	_, h1 := answered(t, p, t0, failover.Query{Model: "m"}, short)
	long := short
	long.Until = t0.Add(time.Hour)
	_, h2 := answered(t, p, t0, failover.Query{Model: "n"}, long)
	_, h3 := answered(t, p, t0.Add(time.Minute), failover.Query{Model: "m"}, fine)
	expect(t, "records", len(h3), 2)
	for _, hs := range [][]failover.Health{h3, h2, h1} {
		other.Load([]failover.Member{{ID: "a"}}, hs)
	}
	if got, want := other.Health(t0.Add(time.Minute)), p.Health(t0.Add(time.Minute)); !slices.Equal(got, want) || len(got) != 1 || got[0].Model != "n" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestProbeClearsOnlyWhatItFound: a refusal that came while the probe was under
// way is news, and stays.
func TestProbeClearsOnlyWhatItFound(t *testing.T) {
	p := pool("a")
	early := pick(t, p, t0, failover.Query{})
	_, hs := answered(t, p, t0, failover.Query{}, verdict(failover.Limited, failover.Account))
	now := hs[0].Until
	probe := pick(t, p, now, failover.Query{})
	p.Report(now.Add(time.Second), early, failover.Query{}, verdict(failover.NoCredit, failover.Account))
	expect(t, "cleared", len(p.Report(now.Add(2*time.Second), probe, failover.Query{}, fine)), 0)
	expect(t, "held", len(p.Health(now.Add(2*time.Second))), 1)
}

// TestFailedProbeWaits: a probe that failed is not followed by another at once,
// though the cooldown's end stays where it was.
func TestFailedProbeWaits(t *testing.T) {
	p := pool("a")
	_, _ = answered(t, p, t0, failover.Query{}, verdict(failover.NoCredit, failover.Account))
	now := t0.Add(55 * time.Minute)
	soon := verdict(failover.Limited, failover.Account)
	soon.Until = now.Add(time.Minute)
	_, hs := answered(t, p, now, failover.Query{}, soon)
	expect(t, "changes", len(hs), 0)
	if pk, err := p.Pick(now.Add(time.Second), failover.Query{}); err == nil {
		t.Errorf("a second probe at once: %+v", pk)
	}
}

func TestEpochs(t *testing.T) {
	held := failover.Health{ID: "a", Kind: failover.Limited, Until: t0.Add(time.Hour), Epoch: 2}
	p := failover.NewPool(failover.Options{})
	p.Load([]failover.Member{{ID: "a", Epoch: 2}}, []failover.Health{held, {ID: "gone", Kind: failover.Dead, Until: failover.Forever}})
	expect(t, "held", len(p.Health(t0)), 1)
	p.Load([]failover.Member{{ID: "a", Epoch: 3}}, []failover.Health{held})
	expect(t, "cleared by the member's epoch", len(p.Health(t0)), 0)
	held.Epoch = 3
	p.Load([]failover.Member{{ID: "a", Epoch: 1}}, []failover.Health{held})
	expect(t, "held again", len(p.Health(t0)), 1)
	p.Load([]failover.Member{{ID: "a"}}, []failover.Health{{ID: "a", Kind: failover.OK, Epoch: 4}})
	expect(t, "cleared by a record", len(p.Health(t0)), 0)
	if got := p.Clear("a"); len(got) != 1 || got[0].Epoch != 5 || p.Clear("b") != nil {
		t.Errorf("Clear: got %+v", got)
	}
}

// The user replaced a key that the provider had refused, while requests with the
// old one were still on their way. Their answers, 401, came after it, and made
// the new key one that is refused for good.
func TestRefusalOfAnOldCredential(t *testing.T) {
	for _, k := range []failover.Kind{failover.Dead, failover.Expired} {
		p := pool("a")
		old := pick(t, p, t0, failover.Query{})
		p.Load([]failover.Member{{ID: "a", Epoch: 1}}, nil) // as a new key makes it
		expect(t, "to persist", len(p.Report(t0, old, failover.Query{}, verdict(k, failover.Account))), 0)
		expect(t, "held against the new one", len(p.Health(t0)), 0)
		_, changed := answered(t, p, t0, failover.Query{}, verdict(k, failover.Account))
		expect(t, "held by an answer of its own", len(changed), 1)
	}
}

func TestLoadKeepsTheOrderGiven(t *testing.T) {
	p := pool("a", "b", "c")
	p.Load([]failover.Member{{ID: "c"}, {ID: "a"}, {ID: "c"}}, nil)
	expect(t, "first", pick(t, p, t0, failover.Query{}).ID, "c")
	expect(t, "members", p.Len(), 2)
}

// TestModelsAreBounded: names of models come from clients.
func TestModelsAreBounded(t *testing.T) {
	p := failover.NewPool(failover.Options{Models: 8})
	p.Load([]failover.Member{{ID: "a"}}, nil)
	for i := range 100 {
		_, _ = answered(t, p, t0, failover.Query{Model: fmt.Sprint(i)}, verdict(failover.Limited, failover.Model))
	}
	expect(t, "records", len(p.Health(t0)), 8)
}

func BenchmarkPick(b *testing.B) {
	var ms []failover.Member
	for i := range 8 {
		ms = append(ms, failover.Member{ID: fmt.Sprint(i)})
	}
	p := failover.NewPool(failover.Options{})
	p.Load(ms, []failover.Health{{ID: "0", Kind: failover.Limited, Until: failover.Forever}})
	q := failover.Query{Model: "m", Affinity: "talk"}
	b.ReportAllocs()
	for b.Loop() {
		pk, err := p.Pick(t0, q)
		if err != nil {
			b.Fatal(err)
		}
		p.Report(t0, pk, q, fine)
	}
}
