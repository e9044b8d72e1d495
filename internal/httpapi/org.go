package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/org"
	"keyfob/internal/vault"
)

const tagOrg = "the organisation"

func (s *Server) orgRoutes() []Route {
	return []Route{
		{Method: http.MethodPost, Path: "/v1/org/apply", ID: "applyOrg", Tag: tagOrg, Summary: "Make the organisation's records what a specification says",
			Text: "All of it or nothing; everything that cannot be stands in the error's details.",
			Who:  Admins, Acts: []string{guard.OrgApply}, Status: http.StatusOK, MaxBody: bulkBody, Long: true,
			Also: []int{http.StatusConflict, http.StatusTooManyRequests}, typed: takes(s.applyOrg)},
	}
}

func (s *Server) applyOrg(ctx context.Context, c *call, in api.OrgApply) (api.OrgApplied, error) {
	changes, err := s.Orgs.Apply(ctx, c.actor, specOf(in.Spec), org.Options{Prune: in.Prune, DryRun: in.DryRun})
	shown := listOf(changes, func(x org.Change) api.OrgChange { return api.OrgChange(x) })
	return api.OrgApplied{DryRun: in.DryRun, Changes: shown}, err
}

func specOf(in api.OrgSpec) org.Spec {
	var out org.Spec
	for _, w := range in.Secrets {
		out.Secrets = append(out.Secrets, vault.Wanted{
			Name: w.Name, Description: w.Description, Env: w.Env, File: w.File, Value: valueOf(w.Value),
			Disabled: w.Enabled != nil && !*w.Enabled, Lookup: w.Lookup, Selector: w.Selector,
		})
	}
	for _, w := range in.Accounts {
		out.Accounts = append(out.Accounts, account.Wanted{
			Provider: w.Provider, Namespace: w.Namespace, Label: w.Label, Key: valueOf(w.Key), BaseURL: w.BaseURL,
			QuotaGroup: w.QuotaGroup, Disabled: w.Enabled != nil && !*w.Enabled, Selector: w.Selector, Limit: core.Limit(w.Limit),
		})
	}
	return out
}
