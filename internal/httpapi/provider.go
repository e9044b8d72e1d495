package httpapi

import (
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// The providers are no secret and nobody's record, so no act stands in the
// audit trail for asking.

func (s *Server) listProviders(w http.ResponseWriter, _ *http.Request, _ core.Actor) error {
	out := api.ProviderList{Providers: []api.Provider{}}
	for _, id := range s.Providers.IDs() {
		a, err := s.Providers.Get(id)
		if err != nil {
			return err
		}
		out.Providers = append(out.Providers, providerOf(a.Info()))
	}
	return reply(w, http.StatusOK, out)
}

func (s *Server) getProvider(w http.ResponseWriter, r *http.Request, _ core.Actor) error {
	a, err := s.Providers.Get(r.PathValue("provider"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, providerOf(a.Info()))
}

func providerOf(i provider.Info) api.Provider {
	return api.Provider{
		ID: i.ID, Title: i.Title, BaseURL: i.BaseURL, Dialect: i.Dialect,
		Policy: i.Policy.Verdict, PolicyNote: i.Policy.Note, KeyPage: i.KeyPage, KeyVars: i.KeyVars,
	}
}
