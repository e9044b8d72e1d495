package failover_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyfob/failover"
)

func take(t *testing.T, p failover.Picker, now time.Time, q failover.Query, v failover.Verdict) string {
	t.Helper()
	pk, err := p.Pick(now, q)
	if err != nil {
		t.Fatal(err)
	}
	p.Report(now, pk, q, v)
	return pk.ID
}

var limited = failover.Verdict{Kind: failover.Limited, Scope: failover.Account, EffectFree: true}

func TestChainGoesOnInTheNextPool(t *testing.T) {
	own, org := pool("a", "b"), pool("x")
	c := failover.Chain(own, org)
	expect(t, "members", c.Len(), 3)
	for _, want := range []string{"a", "b", "x"} {
		expect(t, "next", take(t, c, t0, failover.Query{}, limited), want)
	}
	var e *failover.ExhaustedError
	if _, err := c.Pick(t0, failover.Query{}); !errors.As(err, &e) || len(e.Held) != 3 || !e.Known || e.RetryAfter != 30*time.Second {
		t.Errorf("exhausted: %+v", err)
	}
	// What one chain's request found holds for another's.
	if pk, err := failover.Chain(pool("c"), org).Pick(t0, failover.Query{Tried: []string{"c"}}); err == nil {
		t.Errorf("another user's request goes to %s", pk.ID)
	}
}

// A healthy account of the second pool goes before a second request to one of
// the first whose rest has just ended.
func TestChainIsOneFailover(t *testing.T) {
	c := failover.Chain(pool("a"), pool("x"))
	take(t, c, t0, failover.Query{}, limited)
	now := t0.Add(time.Minute)
	first, err := c.Pick(now, failover.Query{})
	if err != nil || first.ID != "a" || !first.Probe {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := c.Pick(now, failover.Query{})
	if err != nil || second.ID != "x" {
		t.Errorf("beside the probe: %+v, %v", second, err)
	}
	c.Release(first)
	expect(t, "the probe is free again", take(t, c, now, failover.Query{}, fine), "a")
}

func TestChainAffinity(t *testing.T) {
	own, org := pool("a"), pool("x")
	c := failover.Chain(own, org)
	talk := failover.Query{Affinity: "talk"}
	expect(t, "another's request", take(t, c, t0, failover.Query{}, limited), "a")
	expect(t, "begins in the second pool", take(t, c, t0, talk, fine), "x")
	now := t0.Add(time.Minute)
	expect(t, "stays there", take(t, c, now, talk, limited), "x")
	expect(t, "borrows in the first", take(t, c, now, talk, fine), "a")
	now = now.Add(time.Minute)
	expect(t, "returns", take(t, c, now, talk, fine), "x")
	dead := failover.Verdict{Kind: failover.Dead, Scope: failover.Account, EffectFree: true}
	expect(t, "until that is dead", take(t, c, now, talk, dead), "x")
	expect(t, "moves", take(t, c, now, talk, fine), "a")
	org.Clear("x")
	expect(t, "for good", take(t, c, now, talk, fine), "a")
}

func TestChainBound(t *testing.T) {
	c := failover.Chain(pool("a"), pool("x"))
	q := failover.Query{Bound: "x"}
	expect(t, "its account", take(t, c, t0, q, limited), "x")
	var e *failover.ExhaustedError
	if _, err := c.Pick(t0, q); !errors.As(err, &e) || e.None || len(e.Held) != 1 {
		t.Errorf("nobody else: %+v", err)
	}
	q.Bound = "gone"
	if _, err := c.Pick(t0, q); !errors.As(err, &e) || !e.None {
		t.Errorf("bound to nobody: %+v", err)
	}
	c.Release(failover.Pick{})
	if got := c.Report(t0, failover.Pick{}, q, limited); got != nil {
		t.Errorf("a pick of nobody's changed %v", got)
	}
}

// A chain of one pool's accounts cut in two is that pool, for whoever has no
// conversation: whatever the verdicts, it picks the same.
func TestChainIsAPoolCutInTwo(t *testing.T) {
	ids := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(0, len(ids)).Draw(t, "cut")
		whole, now := pool(ids...), t0
		parts := failover.Chain(pool(ids[:cut]...), pool(ids[cut:]...))
		for i := range rapid.IntRange(1, 40).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			q := failover.Query{NoProbe: rapid.Bool().Draw(t, "single shot")}
			v := failover.Verdict{Kind: failover.Kind(rapid.IntRange(0, int(failover.Transient)).Draw(t, "kind")), Scope: failover.Account}
			one, err1 := whole.Pick(now, q)
			two, err2 := parts.Pick(now, q)
			if one.ID != two.ID || one.Probe != two.Probe || fmt.Sprint(err1) != fmt.Sprint(err2) {
				t.Fatalf("request %d: the pool gives %s (probe %t, %v), the chain %s (probe %t, %v)", i, one.ID, one.Probe, err1, two.ID, two.Probe, err2)
			}
			if err1 == nil {
				whole.Report(now, one, q, v)
				parts.Report(now, two, q, v)
			}
		}
	})
}

// One pool's owner accepts doubled work, the other's does not.
func TestAmbiguousWorkPerPool(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		own, org bool
		want     []string
		status   int
	}{
		{false, false, []string{"a"}, 502},
		{true, false, []string{"a", "x"}, 502},
		{false, true, []string{"a"}, 502},
		{true, true, []string{"a", "x", "y"}, 200},
	} {
		r := newRig(t, nil, map[string]http.HandlerFunc{"a": cut, "x": cut, "y": answer(200, "done")})
		own, org := pool("a"), pool("x", "y")
		own.Use(failover.Sticky, c.own)
		org.Use(failover.Sticky, c.org)
		r.Transport.Pool = failover.Chain(own, org)
		resp, _ := do(t, r.Transport, post("x"), failover.Query{})
		expect(t, "status", resp.StatusCode, c.status)
		expectList(t, fmt.Sprint("asked with ", c.own, c.org), r.accounts(), c.want...)
	}
}
