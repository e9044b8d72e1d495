package httpapi

import (
	"net/http"
	"time"

	"keyfob/api"
	"keyfob/failover"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/secret"
)

func refOf(r *http.Request) account.Ref {
	return account.Ref{Provider: r.PathValue("provider"), Namespace: r.PathValue("namespace"), Label: r.PathValue("label")}
}

func (s *Server) listAccounts(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	list, health, err := s.Accounts.List(r.Context(), actor)
	if err != nil {
		return err
	}
	out := api.AccountList{Accounts: make([]api.Account, 0, len(list))}
	for _, a := range list {
		out.Accounts = append(out.Accounts, s.accountOf(a, health[a.ID]))
	}
	return reply(w, http.StatusOK, out)
}

func (s *Server) createAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.AccountCreate
	if err := decode(w, r, &in); err != nil {
		return err
	}
	made, err := s.Accounts.Add(r.Context(), actor, account.NewAccount{
		Provider: in.Provider, Namespace: in.Namespace, Label: in.Label,
		Key: secret.New(in.Key.Bytes()), BaseURL: in.BaseURL, QuotaGroup: in.QuotaGroup,
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, s.accountOf(made, nil))
}

func (s *Server) getAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	got, health, err := s.Accounts.Get(r.Context(), actor, refOf(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.accountOf(got, health))
}

func (s *Server) updateAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.AccountUpdate
	if err := decode(w, r, &in); err != nil {
		return err
	}
	got, err := s.Accounts.Update(r.Context(), actor, refOf(r), account.Edit{
		Label: in.Label, Namespace: in.Namespace, BaseURL: in.BaseURL, QuotaGroup: in.QuotaGroup,
		Position: in.Position, Enabled: in.Enabled, Key: valueOf(in.Key), Version: in.Version,
	})
	if err != nil {
		return err
	}
	_, health, err := s.Accounts.Get(r.Context(), actor, account.Ref{Provider: got.Provider, Namespace: got.Namespace, Label: got.Label})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.accountOf(got, health))
}

func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	if err := s.Accounts.Delete(r.Context(), actor, refOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) clearAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	if err := s.Accounts.Clear(r.Context(), actor, refOf(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) testAccount(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	ref := refOf(r)
	got, err := s.Accounts.Test(r.Context(), actor, ref)
	if err != nil {
		return err
	}
	named := core.Account{Provider: ref.Provider, Namespace: ref.Namespace, Label: ref.Label}
	return reply(w, http.StatusOK, api.AccountTest{
		Ref: named.Ref(), OK: got.Verdict.Kind == failover.OK && got.Status < 300, Status: got.Status,
		Verdict: got.Verdict.Kind.String(), Reason: got.Verdict.Reason, Models: got.Models,
	})
}

func (s *Server) accountOf(a core.Account, health []core.Health) api.Account {
	out := api.Account{
		ID: a.ID, Ref: a.Ref(), Provider: a.Provider, Namespace: a.Namespace, Label: a.Label,
		Kind: string(a.Kind), BaseURL: a.BaseURL, QuotaGroup: a.QuotaGroup, Enabled: a.Enabled,
		Position: a.Position, Fingerprint: a.Fingerprint, Version: a.Version,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Health: cooldownsOf(health, time.Now()),
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
