package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/provider"
)

// The providers are no secret and nobody's record, so no act stands in the
// audit trail for asking.
func (s *Server) providerRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/providers", ID: "listProviders", Tag: tagAccounts, Summary: "List the providers that accounts can be at",
			Who: Users, Status: http.StatusOK, typed: gives(s.listProviders)},
		{Method: http.MethodGet, Path: "/v1/providers/{provider}", ID: "getProvider", Tag: tagAccounts, Summary: "Show one provider and what its terms say of keys",
			Who: Users, Status: http.StatusOK, typed: gives(s.getProvider)},
	}
}

func (s *Server) listProviders(context.Context, *call) (api.ProviderList, error) {
	out := api.ProviderList{Providers: []api.Provider{}}
	for _, id := range s.Providers.IDs() {
		a, err := s.Providers.Get(id)
		if err != nil {
			return out, err
		}
		out.Providers = append(out.Providers, providerOf(a.Info()))
	}
	return out, nil
}

func (s *Server) getProvider(_ context.Context, c *call) (api.Provider, error) {
	a, err := s.Providers.Get(c.value("provider"))
	if err != nil {
		return api.Provider{}, err
	}
	return providerOf(a.Info()), nil
}

func providerOf(i provider.Info) api.Provider {
	return api.Provider{
		ID: i.ID, Title: i.Title, BaseURL: i.BaseURL, Dialect: i.Dialect,
		Policy: i.Policy.Verdict, PolicyNote: i.Policy.Note, KeyPage: i.KeyPage, KeyVars: i.KeyVars,
	}
}
