package usage_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
	"keyfob/internal/usage"
)

const day = "2030-01-02"

func on(o core.Owner, account, day string, requests, tokens int64) core.Usage {
	return core.Usage{
		UsageKey: core.UsageKey{Owner: o, AccountID: account, Model: "m", Workspace: "w", Day: day},
		Requests: requests, InputTokens: tokens, OutputTokens: 1,
	}
}

func learn(t *testing.T, c *usage.Counter, day string, age time.Duration, owners ...core.Owner) {
	t.Helper()
	if err := c.Learn(t.Context(), day, age, owners...); err != nil {
		t.Fatal(err)
	}
}

func spent(c *usage.Counter, o core.Owner, account, day string) string {
	s, read := c.Spent(o, account, day)
	if read.IsZero() {
		return "unknown"
	}
	return fmt.Sprint(s.Requests, " ", s.Tokens)
}

// What the store has, what is on its way there and what comes later add up, of
// one owner, account and day.
func TestSpent(t *testing.T) {
	st := open(t)
	other := core.Owner{Kind: core.UserOwner, ID: "other"}
	before := usage.NewCounter(st)
	before.Add(on(core.Local, "a", day, 3, 30))
	before.Add(on(core.Local, "a", "2030-01-01", 100, 1000))
	before.Add(on(core.Local, "a", "2030-01-03", 100, 1000))
	before.Add(on(other, "a", day, 7, 70))
	if err := before.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := usage.NewCounter(st)
	if got := spent(c, core.Local, "a", day); got != "unknown" {
		t.Errorf("before it is read: %s", got)
	}
	c.Add(on(core.Local, "a", day, 1, 10))
	learn(t, c, day, 0, core.Local)
	c.Add(on(core.Local, "a", day, 1, 10))
	c.Add(on(core.Local, "b", day, 5, 0))
	for account, want := range map[string]string{"a": "5 53", "b": "5 1", "c": "0 0"} {
		if got := spent(c, core.Local, account, day); got != want {
			t.Errorf("%s: %s, want %s", account, got, want)
		}
	}
	if got := spent(c, other, "a", day); got != "unknown" {
		t.Errorf("another owner: %s", got)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	before.Add(on(core.Local, "a", day, 10, 0)) // in another process
	if err := before.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	learn(t, c, day, time.Hour, core.Local)
	if got := spent(c, core.Local, "a", day); got != "5 53" {
		t.Errorf("what was just read is read again: %s", got)
	}
	learn(t, c, day, 0, core.Local)
	if got := spent(c, core.Local, "a", day); got != "15 54" {
		t.Errorf("with another process's: %s", got)
	}
}

func TestADayEnds(t *testing.T) {
	c := usage.NewCounter(open(t))
	c.Add(on(core.Local, "a", day, 9, 0))
	learn(t, c, day, 0, core.Local)
	if got := spent(c, core.Local, "a", "2030-01-03"); got != "unknown" {
		t.Errorf("the next day: %s", got)
	}
	learn(t, c, "2030-01-03", time.Hour, core.Local)
	if got := spent(c, core.Local, "a", "2030-01-03"); got != "0 0" {
		t.Errorf("the next day, read: %s", got)
	}
	c.Add(on(core.Local, "a", day, 1, 0)) // an answer that was over before midnight
	if got := spent(c, core.Local, "a", "2030-01-03"); got != "0 0" {
		t.Errorf("yesterday's answer counts today: %s", got)
	}
	c.Add(on(core.Local, "a", "2030-01-04", 1, 0))
	if got := spent(c, core.Local, "a", "2030-01-03"); got != "unknown" {
		t.Errorf("a day that is over is kept: %s", got)
	}
	for _, at := range []time.Time{time.Date(2030, 1, 2, 23, 59, 59, 0, time.UTC), time.Date(2030, 1, 3, 1, 0, 0, 0, time.FixedZone("east", 7200)), time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)} {
		if got := c.Day(at); got != day {
			t.Errorf("%v is of the day %s", at, got)
		}
	}
}

// However flushes and readings fall between counts, nothing is missed and nothing
// counts twice.
func TestSpentIsExactBesideFlushes(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	learn(t, c, day, 0, core.Local)
	var adding, rest sync.WaitGroup
	var over atomic.Bool
	const each, adders = 400, 4
	for range adders {
		adding.Go(func() {
			for range each {
				c.Add(on(core.Local, "a", day, 1, 0))
			}
		})
	}
	for _, again := range []func() error{
		func() error { return c.Flush(context.Background()) },
		func() error { return c.Learn(context.Background(), day, 0, core.Local) },
	} {
		rest.Go(func() {
			for last := int64(0); !over.Load(); {
				if err := again(); err != nil {
					t.Error(err)
				}
				s, _ := c.Spent(core.Local, "a", day)
				if s.Requests < last || s.Requests > each*adders {
					t.Errorf("%d requests after %d", s.Requests, last)
				}
				last = s.Requests
			}
		})
	}
	adding.Wait()
	over.Store(true)
	rest.Wait()
	if got := spent(c, core.Local, "a", day); got != fmt.Sprint(each*adders, " ", each*adders) {
		t.Errorf("spent %s", got)
	}
}

func TestLearnWithoutAStore(t *testing.T) {
	st := open(t)
	c := usage.NewCounter(st)
	_ = st.Close()
	if err := c.Learn(t.Context(), day, 0, core.Local); core.CodeOf(err) != core.Unavailable {
		t.Errorf("error %v", err)
	}
	if got := spent(c, core.Local, "a", day); got != "unknown" {
		t.Errorf("known all the same: %s", got)
	}
}

// An administrator sees who took how much of the organisation's accounts, also
// once an account or a user is gone; nobody else does, and nothing of what users
// have of their own is in it.
func TestByUser(t *testing.T) {
	st := open(t)
	err := st.Update(t.Context(), func(tx store.Tx) error {
		now := time.Now().UTC()
		return tx.Users().Create(t.Context(), core.User{ID: "usr_1", Name: "ann", Role: core.RoleUser, Version: 1, CreatedAt: now, UpdatedAt: now})
	})
	if err != nil {
		t.Fatal(err)
	}
	ann, gone := core.Owner{Kind: core.UserOwner, ID: "usr_1"}, core.Owner{Kind: core.UserOwner, ID: "usr_2"}
	c := usage.NewCounter(st)
	c.AddOrg(on(ann, "shared", day, 2, 20))
	c.AddOrg(on(ann, "shared", day, 1, 10))
	c.AddOrg(on(gone, "shared", day, 4, 40))
	c.Add(on(ann, "own", day, 8, 80))
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := guard.New(st, "here")
	from := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := usage.ByUser(t.Context(), g, core.LocalUser.On(core.Org), from)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	took := map[string]int64{}
	for _, u := range got {
		took[u.User] = u.Requests
	}
	if took["ann"] != 3 || took["usr_2"] != 4 {
		t.Errorf("took %v", took)
	}
	user := core.Actor{Kind: core.UserActor, ID: "usr_1", Owner: ann, Scopes: core.AllScopes}
	own, err := usage.Read(t.Context(), g, user, from)
	if err != nil || len(own) != 2 {
		t.Errorf("the user's own: %+v, %v", own, err)
	}
	for what, a := range map[string]core.Actor{"a user": user.On(core.Org), "an administrator as a user": core.LocalUser} {
		if _, err := usage.ByUser(t.Context(), g, a, from); core.CodeOf(err) != core.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
}
