package httpapi

import (
	"context"
	"net/http"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/usage"
)

func (s *Server) sharedRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/shared", ID: "getShared", Tag: tagOrg, Summary: "What the organisation gives whoever asks",
			Text: "Without values, and without what is for other users alone. Whether one workspace receives a thing its labels decide.",
			Who:  Users, Acts: []string{guard.SecretList, guard.AccountList, guard.UsageRead}, Status: http.StatusOK, typed: gives(s.shared)},
	}
}

func (s *Server) shared(ctx context.Context, c *call) (api.Shared, error) {
	out := api.Shared{Secrets: []api.SharedSecret{}, Accounts: []api.SharedAccount{}}
	user, err := s.userName(ctx, c)
	if err != nil {
		return out, err
	}
	secrets, err := s.Vault.Given(ctx, c.actor, user)
	if err != nil {
		return out, err
	}
	for _, one := range secrets {
		out.Secrets = append(out.Secrets, api.SharedSecret{
			Name: one.Name, Description: one.Description, Env: one.Env, File: one.File, Lookup: one.Lookup, Selector: one.Selector,
		})
	}
	accounts, err := s.Accounts.Given(ctx, c.actor, user)
	if err != nil {
		return out, err
	}
	used, err := s.usedToday(ctx, c)
	for _, a := range accounts {
		out.Accounts = append(out.Accounts, api.SharedAccount{
			Ref: a.Ref(), Provider: a.Provider, Namespace: a.Namespace, Label: a.Label,
			Selector: a.Selector, Limit: api.Limit(a.Limit), Used: used[a.ID],
		})
	}
	return out, err
}

// ownFirst says whether the call is for the beginning of a list of the user's
// own, where the number of what the organisation gives besides stands too.
func (c *call) ownFirst() bool { return c.page.After == "" && c.actor.Owner != core.Org }

func (s *Server) sharedSecrets(ctx context.Context, c *call) (int, error) {
	user, err := s.userName(ctx, c)
	if err != nil {
		return 0, err
	}
	list, err := s.Vault.Given(ctx, c.actor, user)
	return len(list), err
}

func (s *Server) sharedAccounts(ctx context.Context, c *call) (int, error) {
	user, err := s.userName(ctx, c)
	if err != nil {
		return 0, err
	}
	list, err := s.Accounts.Given(ctx, c.actor, user)
	return len(list), err
}

// userName is by what selectors know whoever asks.
func (s *Server) userName(ctx context.Context, c *call) (string, error) {
	if s.Identity == nil {
		return core.LocalUser.ID, nil
	}
	u, err := s.Identity.Self(ctx, c.actor)
	return u.Name, err
}

// usedToday is what whoever asks has used of each account on this day, by id.
func (s *Server) usedToday(ctx context.Context, c *call) (map[string]api.Used, error) {
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	counts, err := usage.Read(ctx, s.Guard, c.actor, time.Now().UTC().Truncate(24*time.Hour))
	out := map[string]api.Used{}
	for _, u := range counts {
		sum := out[u.AccountID]
		out[u.AccountID] = api.Used{Requests: sum.Requests + u.Requests, Tokens: sum.Tokens + u.InputTokens + u.OutputTokens}
	}
	return out, err
}
