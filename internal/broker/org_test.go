package broker_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/broker"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
	"keyfob/internal/usage"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

const (
	ownKey = "key-own-0123456789"
	orgKey = "key-org-0123456789"
)

// team is a home with users, and a provider that knows a key of a user's and one
// of the organisation's.
type team struct {
	t *testing.T
	*brokertest.Home
	provider *keyfobtest.Provider
}

func newTeam(t *testing.T, o brokertest.Options) team {
	t.Helper()
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "own", Key: ownKey}, {Name: "org", Key: orgKey}}})
	return team{t, openHome(t, t.TempDir(), o), p}
}

func (m team) user(name string) core.Actor {
	m.t.Helper()
	a, err := m.User(m.t.Context(), name)
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func (m team) grant(a core.Actor, labels map[string]string) broker.Grant {
	m.t.Helper()
	_, key, err := m.WorkspaceOf(m.t.Context(), a, workspace.Spec{Labels: labels})
	if err != nil {
		m.t.Fatal(err)
	}
	g, err := m.Broker.Grant(m.t.Context(), key)
	if err != nil {
		m.t.Fatal(err)
	}
	return g
}

func (m team) shared(selector core.Selector, limit core.Limit) core.Account {
	m.t.Helper()
	a, err := m.OrgAccount(m.t.Context(), account.NewAccount{
		Provider: "anthropic", Label: "shared", Key: secret.FromString(orgKey), BaseURL: m.provider.URL(), Selector: selector, Limit: limit,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func (m team) own(a core.Actor) {
	m.t.Helper()
	_, err := m.Accounts.Add(m.t.Context(), a, account.NewAccount{
		Provider: "anthropic", Label: "mine", Key: secret.FromString(ownKey), BaseURL: m.provider.URL(),
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// by says who answered: an account, or why nobody did.
func (m team) by(g broker.Grant) string {
	m.t.Helper()
	resp, err := send(m.t, m.Home, g, provider.Marks{Model: "test-large"})
	if err != nil {
		m.t.Fatal(err)
	}
	if local := resp.Header.Get(broker.HeaderLocal); local != "" {
		return local
	}
	return resp.Header.Get(broker.HeaderAccount)
}

func (m team) expect(what, got, want string) {
	m.t.Helper()
	if got != want {
		m.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// A user's own account goes before the organisation's; what one user's request
// finds out of the organisation's counts for everybody; and it is durable.
func TestOrganisationsAccountsComeAfterTheUsersOwn(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	ann, bob := m.user("ann"), m.user("bob")
	m.own(ann)
	m.shared(nil, core.Limit{})
	a, b := m.grant(ann, nil), m.grant(bob, nil)
	m.expect("ann", m.by(a), "anthropic/mine")
	m.expect("bob", m.by(b), "org:anthropic/shared")

	m.provider.Queue(ownKey, keyfobtest.RateLimited(time.Hour))
	m.expect("ann, over her limit", m.by(a), "org:anthropic/shared")
	m.provider.Queue(orgKey, keyfobtest.RateLimited(time.Hour))
	m.expect("ann, with both over", m.by(a), "all_cooling")
	asked := len(m.provider.Requests())
	m.expect("bob, who has not been told", m.by(b), "all_cooling")
	if n := len(m.provider.Requests()); n != asked {
		t.Errorf("bob's request reached the provider")
	}
	if err := m.Broker.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[core.Owner]int{core.Org: 1, ann.Owner: 1, bob.Owner: 0} {
		var hs []core.Health
		err := m.Store.View(t.Context(), func(tx store.Tx) (err error) {
			hs, err = tx.Health().List(t.Context(), owner)
			return err
		})
		if err != nil || len(hs) != want {
			t.Errorf("%s has %+v, %v", owner, hs, err)
		}
	}
}

func TestSelectorsOfAccounts(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	ann, bob := m.user("ann"), m.user("bob")
	m.shared(core.Selector{"team": "web", core.UserLabel: "ann"}, core.Limit{})
	for what, c := range map[string]struct {
		g    broker.Grant
		want string
	}{
		"ann's, of the team": {m.grant(ann, map[string]string{"team": "web"}), "org:anthropic/shared"},
		"ann's, of another":  {m.grant(ann, map[string]string{"team": "ops"}), "no_account"},
		"ann's, of none":     {m.grant(ann, nil), "no_account"},
		"bob's, of the team": {m.grant(bob, map[string]string{"team": "web"}), "no_account"},
	} {
		m.expect(what, m.by(c.g), c.want)
	}
}

// A user's own accounts have selectors too.
func TestSelectorOfAnOwnAccount(t *testing.T) {
	m := newTeam(t, brokertest.Options{})
	ann := m.user("ann")
	m.own(ann)
	m.shared(nil, core.Limit{})
	g := m.grant(ann, map[string]string{"team": "web"})
	m.expect("before", m.by(g), "anthropic/mine")
	ref := account.Ref{Provider: "anthropic", Label: "mine"}
	if _, err := m.Accounts.Update(t.Context(), ann, ref, account.Edit{Selector: &core.Selector{"team": "ops"}}, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool { return m.by(g) == "org:anthropic/shared" })
}

func TestLimitForEachUser(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	ann, bob := m.user("ann"), m.user("bob")
	shared := m.shared(nil, core.Limit{Requests: 2})
	before := usage.NewCounter(m.Store) // as another process counted it
	before.AddOrg(core.Usage{UsageKey: core.UsageKey{Owner: ann.Owner, AccountID: shared.ID, Workspace: "w", Day: before.Day(time.Now())}, Requests: 1})
	if err := before.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := m.grant(ann, nil), m.grant(bob, nil)
	m.expect("ann's second", m.by(a), "org:anthropic/shared")
	asked := len(m.provider.Requests())
	resp, err := send(t, m.Home, a, provider.Marks{})
	if err != nil {
		t.Fatal(err)
	}
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get(broker.HeaderLocal) != broker.UserLimit || err != nil || wait < 1 || wait > 86400 {
		t.Errorf("ann's third: status %d, header %v", resp.StatusCode, resp.Header)
	}
	if n := len(m.provider.Requests()); n != asked {
		t.Error("ann's third reached the provider")
	}
	m.expect("another workspace of ann's", m.by(m.grant(ann, nil)), broker.UserLimit)
	m.expect("bob's first", m.by(b), "org:anthropic/shared")
	m.own(ann)
	if err := m.Broker.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	took, err := usage.ByUser(t.Context(), m.Guard, core.LocalUser.On(core.Org), time.Now().Add(-48*time.Hour))
	by := map[string]int64{}
	for _, u := range took {
		by[u.User] += u.Requests
	}
	if err != nil || by["ann"] != 2 || by["bob"] != 1 {
		t.Errorf("took %v, %v", by, err)
	}
}

// A token limit counts what answers report.
func TestLimitOfTokens(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	m.shared(nil, core.Limit{Tokens: 1})
	g := m.grant(m.user("ann"), nil)
	m.expect("the first", m.by(g), "org:anthropic/shared")
	m.expect("the second", m.by(g), broker.UserLimit)
}

// Where another account is back before the day ends, that is what a client waits
// for.
func TestTheSoonestOfLimitAndCooldown(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	m.shared(nil, core.Limit{Requests: 1})
	ann := m.user("ann")
	m.own(ann)
	g := m.grant(ann, nil)
	m.provider.Queue(ownKey, keyfobtest.RateLimited(time.Minute))
	m.expect("the own account cools", m.by(g), "org:anthropic/shared")
	resp, err := send(t, m.Home, g, provider.Marks{Model: "test-large"})
	if err != nil {
		t.Fatal(err)
	}
	want := "all_cooling"
	if now := time.Now().UTC(); now.Add(time.Minute).Day() != now.Day() {
		want = broker.UserLimit // the day ends before the cooldown does
	}
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.Header.Get(broker.HeaderLocal) != want || err != nil || wait > 61 {
		t.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
	}
}

// What requests under way at once may exceed a limit by is their own number.
func TestRequestsAtOnceExceedALimitByTheirNumberOnly(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	m.shared(nil, core.Limit{Requests: 10})
	g := m.grant(m.user("ann"), nil)
	const clients, each = 4, 10
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				_, _ = send(t, m.Home, g, provider.Marks{})
			}
		})
	}
	wg.Wait()
	if n := len(m.provider.Requests()); n < 10 || n > 10+clients-1 {
		t.Errorf("%d requests reached the provider, the limit is 10 with %d clients", n, clients)
	}
}

// Without the counts nobody can say whether a limit is used up.
func TestLimitsNeedTheCounts(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	m.shared(nil, core.Limit{Requests: 100})
	g := m.grant(m.user("ann"), nil)
	b, err := broker.New(broker.Config{Store: m.Store, Keys: m.Keys, Providers: m.Providers})
	if err != nil {
		t.Fatal(err)
	}
	m.Home.Broker = b
	m.expect("without a counter", m.by(g), "all_cooling")
	if n := len(m.provider.Requests()); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
}

// The settings of a pool are followed: its strategy, and whether work may be done
// twice.
func TestPoolSettingsAreFollowed(t *testing.T) {
	m := newTeam(t, brokertest.Options{})
	ann := m.user("ann")
	m.own(ann)
	_, err := m.Accounts.Add(t.Context(), ann, account.NewAccount{Provider: "anthropic", Label: "second", Key: secret.FromString(orgKey), BaseURL: m.provider.URL()})
	if err != nil {
		t.Fatal(err)
	}
	g := m.grant(ann, nil)
	m.expect("sticky", m.by(g)+" "+m.by(g), "anthropic/mine anthropic/mine")
	m.provider.Set(ownKey, keyfobtest.Drop(keyfobtest.AfterRequest))
	m.expect("ambiguous", m.by(g), "upstream_ambiguous")
	if err := m.Accounts.Clear(t.Context(), ann, account.Ref{Provider: "anthropic", Label: "mine"}, 0); err != nil {
		t.Fatal(err)
	}
	robin, twice := core.RoundRobin, true
	if _, err := m.Accounts.UpdatePool(t.Context(), ann, "anthropic", "", account.PoolEdit{Strategy: &robin, AllowAmbiguous: &twice}, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool {
		hs, err := m.Broker.Health(t.Context(), ann.Owner)
		return err == nil && len(hs) == 0 && m.by(g) == "anthropic/second"
	})
	m.provider.Set(ownKey, keyfobtest.OK())
	if err := m.Accounts.Clear(t.Context(), ann, account.Ref{Provider: "anthropic", Label: "mine"}, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool {
		first, second := m.by(g), m.by(g)
		return first != second
	})
}

// An account of the organisation whose credential does not open is named as such,
// and a user's own serve on.
func TestOrganisationsBrokenAccount(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	ann := m.user("ann")
	m.shared(nil, core.Limit{})
	err := m.Store.Update(t.Context(), func(tx store.Tx) error {
		all, err := tx.Accounts().List(t.Context(), core.Org)
		if err != nil {
			return err
		}
		a := all[0]
		a.BaseURL = "https://elsewhere.example"
		return tx.Accounts().Update(t.Context(), a, a.Version)
	})
	if err != nil {
		t.Fatal(err)
	}
	g := m.grant(ann, nil)
	_, err = send(t, m.Home, g, provider.Marks{})
	if e, ok := err.(*core.Error); !ok || e.Reason != "sealed_mismatch" {
		t.Errorf("%v", err)
	}
	m.own(m.user("bob"))
	bob, err := m.Home.User(t.Context(), "carl")
	if err != nil {
		t.Fatal(err)
	}
	m.own(bob)
	m.expect("a user's own", m.by(m.grant(bob, nil)), "anthropic/mine")
}

// A vault of one machine became a server's. Its accounts at local addresses would
// have let whoever has one reach the server's own ports.
func TestAccountsFromBeforeTheServer(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "own", Key: ownKey}}})
	dir := t.TempDir()
	local := openHome(t, dir, brokertest.Options{Idle: true})
	if _, err := local.Account(t.Context(), "anthropic", "mine", ownKey, p.URL()); err != nil {
		t.Fatal(err)
	}
	server := openHome(t, dir, brokertest.Options{Idle: true, Upstreams: upstream.Rules{Public: true}})
	refused := func(err error) bool {
		e, ok := errors.AsType[*core.Error](err)
		return ok && e.Reason == "upstream_refused" && strings.Contains(e.Hint, "upstream_allow")
	}
	if _, err := send(t, server, grant(t, server), provider.Marks{}); !refused(err) {
		t.Errorf("a request: %v", err)
	}
	if _, err := server.Accounts.Test(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "mine"}); !refused(err) {
		t.Errorf("a test: %v", err)
	}
	if n := len(p.Requests()); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
	listed := openHome(t, dir, brokertest.Options{Idle: true, Upstreams: upstream.Rules{Public: true, Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}})
	if resp, err := send(t, listed, grant(t, listed), provider.Marks{}); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("where the operator lists it: %v", err)
	}
}
