package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/secret"
	"keyfob/internal/usage"
	"keyfob/internal/vault"
)

// gives has the organisation give things to everybody, to alice and to bob.
func (k *kit) gives(t *testing.T) (shared core.Account) {
	t.Helper()
	org := k.as("root").On(core.Org)
	for name, sel := range map[string]core.Selector{"EVERYBODY": nil, "WEB": {"team": "web"}, "FOR_ALICE": {core.UserLabel: "alice", "team": "web"}, "FOR_BOB": {core.UserLabel: "bob"}} {
		if _, _, err := k.vault.Create(t.Context(), org, vault.NewSecret{Name: name, Value: secret.FromString(canary), Env: name, Selector: sel}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := k.vault.Create(t.Context(), org, vault.NewSecret{Name: "OFF", Value: secret.FromString(canary), Lookup: true, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	selectors := map[string]core.Selector{"bobs": {core.UserLabel: "bob"}}
	for _, label := range []string{"all", "bobs"} { // the order of the pool
		a, err := k.accounts.Add(t.Context(), org, account.NewAccount{
			Provider: "openai", Label: label, Key: secret.FromString(canary), Selector: selectors[label], Limit: core.Limit{Requests: 10},
		})
		if err != nil {
			t.Fatal(err)
		}
		if label == "all" {
			shared = a
		}
	}
	return shared
}

// A user's agent has variables that nobody can say the origin of, and stops with
// "user_limit": what the organisation gives, only administrators could see. Users
// see it too, without values, and without what is for others.
func TestWhatTheOrganisationGives(t *testing.T) {
	k := newKit(t, nil)
	shared := k.gives(t)
	counter := usage.NewCounter(k.Store)
	counter.AddOrg(core.Usage{UsageKey: core.UsageKey{
		Owner: k.users["alice"].Owner(), AccountID: shared.ID, Model: "m", Workspace: "w", Day: time.Now().UTC().Format(time.DateOnly),
	}, Requests: 3, InputTokens: 5, OutputTokens: 2})
	if err := counter.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"alice": "EVERYBODY FOR_ALICE WEB", "bob": "EVERYBODY FOR_BOB WEB"} {
		who := bearer(k.token(t, user, core.SecretsRead|core.AccountsRead, time.Hour))
		answer := k.send(t, "GET", "/v1/shared", "", who...).want(t, http.StatusOK, "")
		got := read[api.Shared](t, answer)
		var names []string
		for _, s := range got.Secrets {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != want || shows(answer.body) {
			t.Errorf("%s sees %s", user, answer.body)
		}
		used, accounts := api.Used{}, 2
		if user == "alice" {
			used, accounts = api.Used{Requests: 3, Tokens: 7}, 1
		}
		if len(got.Accounts) != accounts || got.Accounts[0].Ref != "openai/all" || got.Accounts[0].Limit.Requests != 10 || got.Accounts[0].Used != used {
			t.Errorf("%s sees %+v", user, got.Accounts)
		}
	}
	who := bearer(k.token(t, "alice", core.AccountsRead, time.Hour))
	list := read[api.UsageList](t, k.send(t, "GET", "/v1/usage", "", who...).want(t, http.StatusOK, ""))
	if len(list.Usage) != 1 || list.Usage[0].Key != "org:openai/all" || list.Usage[0].Requests != 3 {
		t.Errorf("alice used %+v", list.Usage)
	}
}

// Lists of one's own said nothing of what the organisation gives besides. The
// number is on the first page, and asks no more of a token than the list does.
func TestListsSayThatThereIsMore(t *testing.T) {
	k := newKit(t, nil)
	k.gives(t)
	for _, name := range []string{"A", "B"} {
		if _, _, err := k.vault.Create(t.Context(), k.as("bob"), vault.NewSecret{Name: name, Value: secret.FromString(canary), Env: name}); err != nil {
			t.Fatal(err)
		}
	}
	secrets, accounts := bearer(k.token(t, "bob", core.SecretsRead, time.Hour)), bearer(k.token(t, "bob", core.AccountsRead, time.Hour))
	first := read[api.SecretList](t, k.send(t, "GET", "/v1/secrets?limit=1", "", secrets...).want(t, http.StatusOK, ""))
	if first.Shared != 3 || len(first.Secrets) != 1 || first.Next == "" {
		t.Errorf("the first page is %+v", first)
	}
	second := read[api.SecretList](t, k.send(t, "GET", "/v1/secrets?limit=1&cursor="+first.Next, "", secrets...).want(t, http.StatusOK, ""))
	if second.Shared != 0 || len(second.Secrets) != 1 {
		t.Errorf("the second is %+v", second)
	}
	if got := read[api.AccountList](t, k.send(t, "GET", "/v1/accounts", "", accounts...).want(t, http.StatusOK, "")); got.Shared != 2 {
		t.Errorf("accounts: %+v", got)
	}
	both := bearer(k.token(t, "alice", core.SecretsRead|core.AccountsRead|core.WorkspacesRead, time.Hour))
	if got := read[api.Status](t, k.send(t, "GET", "/v1/status", "", both...).want(t, http.StatusOK, "")); got.SharedSecrets != 3 || got.SharedAccounts != 1 {
		t.Errorf("the status: %+v", got)
	}
	admin := bearer(k.token(t, "root", core.AllScopes, time.Hour))
	if got := read[api.SecretList](t, k.send(t, "GET", "/v1/org/secrets", "", admin...).want(t, http.StatusOK, "")); got.Shared != 0 || len(got.Secrets) != 5 {
		t.Errorf("the organisation's own: %+v", got)
	}
}

// A hint was written as programs print lists: "[account model workspace day]".
func TestWhatUsageIsCountedBy(t *testing.T) {
	k := newKit(t, nil)
	who := bearer(k.token(t, "alice", core.AccountsRead, time.Hour))
	got := k.send(t, "GET", "/v1/usage?by=bogus", "", who...).want(t, http.StatusBadRequest, "")
	if got.problem.Hint != "it is counted by account, model, workspace or day" {
		t.Errorf("the hint is %q", got.problem.Hint)
	}
}
