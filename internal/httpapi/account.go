package httpapi

import (
	"context"
	"net/http"
	"time"

	"keyfob/api"
	"keyfob/failover"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
)

const tagAccounts = "accounts"

func (s *Server) accountRoutes() []Route {
	const all, one = "/v1/accounts", "/v1/accounts/{provider}/{namespace}/{label}"
	return orgToo([]Route{
		{Method: http.MethodGet, Path: all, ID: "listAccounts", Tag: tagAccounts, Summary: "List accounts, in order of pool and position, without credentials",
			Acts: []string{guard.AccountList}, Status: http.StatusOK, Paged: true, typed: gives(s.listAccounts)},
		{Method: http.MethodPost, Path: all, ID: "createAccount", Tag: tagAccounts, Summary: "Add an account at the end of its pool",
			Acts: []string{guard.AccountAdd}, Status: http.StatusCreated, Tagged: true, Once: true, typed: takes(s.createAccount)},
		{Method: http.MethodGet, Path: one, ID: "getAccount", Tag: tagAccounts, Summary: "Show one account with what is held against it",
			Text: "What is held against it is no part of its version.",
			Acts: []string{guard.AccountGet}, Status: http.StatusOK, Tagged: true, typed: gives(s.getAccount)},
		{Method: http.MethodPatch, Path: one, ID: "updateAccount", Tag: tagAccounts, Summary: "Change an account: what is left out stays",
			Text: "Another origin of base_url needs the key too, since the credential is sealed for its origin.",
			Acts: []string{guard.AccountUpdate, guard.AccountGet}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getAccount), typed: takes(s.updateAccount)},
		{Method: http.MethodDelete, Path: one, ID: "deleteAccount", Tag: tagAccounts, Summary: "Remove an account and its credential for good",
			Acts: []string{guard.AccountDelete}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getAccount), typed: does(s.deleteAccount)},
		{Method: http.MethodPost, Path: one + "/clear", ID: "clearAccount", Tag: tagAccounts, Summary: "Forget what is held against an account",
			Acts: []string{guard.AccountClear}, Status: http.StatusNoContent, typed: does(s.clearAccount)},
		{Method: http.MethodPost, Path: one + "/test", ID: "testAccount", Tag: tagAccounts, Summary: "Ask the provider, at no cost, whether it takes the credential",
			Text: "A good answer clears what was held against the account.",
			Acts: []string{guard.AccountTest, guard.AccountHealth}, Status: http.StatusOK, typed: gives(s.testAccount)},
	})
}

func refOf(c *call) account.Ref {
	return account.Ref{Provider: c.value("provider"), Namespace: c.value("namespace"), Label: c.value("label")}
}

func (s *Server) listAccounts(ctx context.Context, c *call) (api.AccountList, error) {
	list, health, err := s.Accounts.List(ctx, c.actor, more(c.page))
	if err != nil {
		return api.AccountList{}, err
	}
	list, next := onePage(list, c.page, c.list(), account.PageKey)
	shown := listOf(list, func(a core.Account) api.Account { return s.accountOf(a, health[a.ID]) })
	out := api.AccountList{Accounts: shown, Next: next}
	if c.ownFirst() {
		out.Shared, err = s.sharedAccounts(ctx, c)
	}
	return out, err
}

func (s *Server) createAccount(ctx context.Context, c *call, in api.AccountCreate) (api.Account, error) {
	made, err := s.Accounts.Add(ctx, c.actor, account.NewAccount{
		Provider: in.Provider, Namespace: in.Namespace, Label: in.Label, Key: secret.New(in.Key.Bytes()),
		BaseURL: in.BaseURL, QuotaGroup: in.QuotaGroup, Selector: in.Selector, Limit: core.Limit(in.Limit),
	})
	if err != nil {
		return api.Account{}, err
	}
	c.made(made.Ref())
	c.version(made.Version)
	return s.accountOf(made, nil), nil
}

func (s *Server) getAccount(ctx context.Context, c *call) (api.Account, error) {
	got, health, err := s.Accounts.Get(ctx, c.actor, refOf(c))
	c.version(got.Version)
	return s.accountOf(got, health), err
}

func (s *Server) updateAccount(ctx context.Context, c *call, in api.AccountUpdate) (api.Account, error) {
	got, err := s.Accounts.Update(ctx, c.actor, refOf(c), account.Edit{
		Label: in.Label, Namespace: in.Namespace, BaseURL: in.BaseURL, QuotaGroup: in.QuotaGroup,
		Position: in.Position, Enabled: in.Enabled, Selector: selectorOf(in.Selector),
		Limit: (*core.Limit)(in.Limit), Key: valueOf(in.Key),
	}, c.expect)
	if err != nil {
		return api.Account{}, err
	}
	c.version(got.Version)
	_, health, err := s.Accounts.Get(ctx, c.actor, account.Ref{Provider: got.Provider, Namespace: got.Namespace, Label: got.Label})
	if core.CodeOf(err) == core.NotFound {
		err = nil // it was removed right after; the change was made
	}
	return s.accountOf(got, health), err
}

func (s *Server) deleteAccount(ctx context.Context, c *call) error {
	return s.Accounts.Delete(ctx, c.actor, refOf(c), c.expect)
}

func (s *Server) clearAccount(ctx context.Context, c *call) error {
	return s.Accounts.Clear(ctx, c.actor, refOf(c), 0)
}

func (s *Server) testAccount(ctx context.Context, c *call) (api.AccountTest, error) {
	ref := refOf(c)
	got, err := s.Accounts.Test(ctx, c.actor, ref)
	if err != nil {
		return api.AccountTest{}, err
	}
	return api.AccountTest{
		Ref: ref.String(), OK: got.Verdict.Kind == failover.OK && got.Status < 300, Status: got.Status,
		Verdict: got.Verdict.Kind.String(), Reason: got.Verdict.Reason, Models: got.Models,
	}, nil
}

func (s *Server) accountOf(a core.Account, health []core.Health) api.Account {
	out := api.Account{
		ID: a.ID, Ref: a.Ref(), Provider: a.Provider, Namespace: a.Namespace, Label: a.Label,
		Kind: string(a.Kind), BaseURL: a.BaseURL, QuotaGroup: a.QuotaGroup, Enabled: a.Enabled, Refused: s.Accounts.Refused(a),
		Position: a.Position, Fingerprint: a.Fingerprint, Org: a.Owner == core.Org, Selector: a.Selector,
		Limit: api.Limit(a.Limit), Version: a.Version, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
		Health: cooldownsOf(health, time.Now()),
	}
	if adapter, err := s.Providers.Get(a.Provider); err == nil {
		policy := adapter.Info().Policy
		out.Policy, out.PolicyNote = policy.Verdict, policy.Note
	}
	return out
}

// cooldownsOf leaves out what is over.
func cooldownsOf(health []core.Health, now time.Time) []api.Cooldown {
	out := []api.Cooldown{}
	for _, h := range health {
		if !h.Until.After(now) {
			continue
		}
		c := api.Cooldown{Model: h.Model, Kind: h.Kind, Reason: h.Reason}
		if h.Until.Before(core.Forever) {
			c.Until, c.Seconds = h.Until, api.SecondsOf(h.Until.Sub(now))
		}
		out = append(out, c)
	}
	return out
}
