package httpapi

import (
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/secret"
	"keyfob/internal/vault"
)

func (s *Server) listSecrets(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	list, err := s.Vault.List(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.SecretList{Secrets: secretsOf(list)})
}

func (s *Server) createSecret(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.SecretCreate
	if err := decode(w, r, &in); err != nil {
		return err
	}
	made, warnings, err := s.Vault.Create(r.Context(), actor, vault.NewSecret{
		Name: in.Name, Description: in.Description, Env: in.Env, File: in.File,
		Value: secret.New(in.Value.Bytes()), Disabled: in.Enabled != nil && !*in.Enabled,
		Lookup: in.Lookup, Selector: in.Selector,
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, secretOf(made, warnings))
}

func (s *Server) getSecret(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	got, err := s.Vault.Get(r.Context(), actor, r.PathValue("name"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, secretOf(got, nil))
}

func (s *Server) updateSecret(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.SecretUpdate
	if err := decode(w, r, &in); err != nil {
		return err
	}
	edit := vault.Edit{
		Value: valueOf(in.Value), Description: in.Description, Env: in.Env, File: in.File,
		Enabled: in.Enabled, Lookup: in.Lookup, Version: in.Version,
	}
	if in.Selector != nil {
		sel := core.Selector(*in.Selector)
		edit.Selector = &sel
	}
	got, warnings, err := s.Vault.Update(r.Context(), actor, r.PathValue("name"), edit)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, secretOf(got, warnings))
}

func (s *Server) deleteSecret(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	if err := s.Vault.Delete(r.Context(), actor, r.PathValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) revealSecret(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.RevealRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	got, value, err := s.Vault.Reveal(r.Context(), actor, r.PathValue("name"), in.Confirm)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.Reveal{Name: got.Name, Version: got.Version, Value: api.NewValue(value.Reveal())})
}

func (s *Server) importSecrets(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	var in api.SecretImport
	if err := decode(w, r, &in); err != nil {
		return err
	}
	got, err := s.Vault.Import(r.Context(), actor, vault.Import{
		Format: in.Format, Content: secret.New(in.Content.Bytes()), DryRun: in.DryRun,
		Env: in.Env, Lookup: in.Lookup, Selector: in.Selector,
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.ImportResult{DryRun: in.DryRun, Secrets: secretsOf(got)})
}

func secretsOf(list []core.Secret) []api.Secret {
	out := make([]api.Secret, 0, len(list))
	for _, one := range list {
		out = append(out, secretOf(one, nil))
	}
	return out
}

func secretOf(s core.Secret, warnings []string) api.Secret {
	return api.Secret{
		ID: s.ID, Name: s.Name, Description: s.Description, Enabled: s.Enabled, Env: s.Env, File: s.File,
		Lookup: s.Lookup, Selector: s.Selector, Size: s.Size, Version: s.Version,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Warnings: warnings,
	}
}

// valueOf is the value of an update, nil where it names none.
func valueOf(v *api.Value) *secret.Secret {
	if v == nil {
		return nil
	}
	s := secret.New(v.Bytes())
	return &s
}
