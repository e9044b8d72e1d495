package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/vault"
)

const tagSecrets = "secrets"

func (s *Server) secretRoutes() []Route {
	const all, one = "/v1/secrets", "/v1/secrets/{name}"
	return orgToo([]Route{
		{Method: http.MethodGet, Path: all, ID: "listSecrets", Tag: tagSecrets, Summary: "List secrets, in order of name, without values",
			Acts: []string{guard.SecretList}, Status: http.StatusOK, Paged: true, typed: gives(s.listSecrets)},
		{Method: http.MethodPost, Path: all, ID: "createSecret", Tag: tagSecrets, Summary: "Keep a new secret",
			Acts: []string{guard.SecretCreate}, Status: http.StatusCreated, MaxBody: valueBody, Tagged: true, Once: true,
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.createSecret)},
		{Method: http.MethodPost, Path: all + "/import", ID: "importSecrets", Tag: tagSecrets, Summary: "Make many secrets from a file's content",
			Text: "All of them or none: every name that is taken and every line that cannot be stands in the error's details.",
			Acts: []string{guard.SecretImport}, Status: http.StatusOK, MaxBody: bulkBody,
			Also: []int{http.StatusConflict, http.StatusTooManyRequests}, typed: takes(s.importSecrets)},
		{Method: http.MethodGet, Path: one, ID: "getSecret", Tag: tagSecrets, Summary: "Show one secret, without its value",
			Acts: []string{guard.SecretGet}, Status: http.StatusOK, Tagged: true, Fresh: true, typed: gives(s.getSecret)},
		{Method: http.MethodPatch, Path: one, ID: "updateSecret", Tag: tagSecrets, Summary: "Change a secret: what is left out stays",
			Acts: []string{guard.SecretUpdate}, Status: http.StatusOK, MaxBody: valueBody, Tagged: true, Match: true, now: versionOf(s.getSecret),
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.updateSecret)},
		{Method: http.MethodDelete, Path: one, ID: "deleteSecret", Tag: tagSecrets, Summary: "Remove a secret and its value for good",
			Acts: []string{guard.SecretDelete}, Status: http.StatusNoContent, Match: true, now: versionOf(s.getSecret), typed: does(s.deleteSecret)},
		{Method: http.MethodPost, Path: one + "/reveal", ID: "revealSecret", Tag: tagSecrets, Summary: "Show a secret's value",
			Text: "At a server it takes a step-up that a browser approved within the last minute; on one machine the secret's name again.",
			Acts: []string{guard.SecretReveal}, Status: http.StatusOK, Confirmed: true, Exposes: true, typed: takes(s.revealSecret)},
	})
}

func (s *Server) listSecrets(ctx context.Context, c *call) (api.SecretList, error) {
	list, err := s.Vault.List(ctx, c.actor, more(c.page))
	if err != nil {
		return api.SecretList{}, err
	}
	list, next := onePage(list, c.page, c.list(), func(one core.Secret) string { return one.Name })
	out := api.SecretList{Secrets: secretsOf(list), Next: next}
	if c.ownFirst() {
		out.Shared, err = s.sharedSecrets(ctx, c)
	}
	return out, err
}

func (s *Server) createSecret(ctx context.Context, c *call, in api.SecretCreate) (api.Secret, error) {
	made, warnings, err := s.Vault.Create(ctx, c.actor, vault.NewSecret{
		Name: in.Name, Description: in.Description, Env: in.Env, File: in.File,
		Value: secret.New(in.Value.Bytes()), Disabled: in.Enabled != nil && !*in.Enabled,
		Lookup: in.Lookup, Selector: in.Selector,
	})
	if err != nil {
		return api.Secret{}, err
	}
	c.made(made.Name)
	c.version(made.Version)
	return secretOf(made, warnings), nil
}

func (s *Server) getSecret(ctx context.Context, c *call) (api.Secret, error) {
	got, err := s.Vault.Get(ctx, c.actor, c.value("name"))
	c.version(got.Version)
	return secretOf(got, nil), err
}

func (s *Server) updateSecret(ctx context.Context, c *call, in api.SecretUpdate) (api.Secret, error) {
	got, warnings, err := s.Vault.Update(ctx, c.actor, c.value("name"), vault.Edit{
		Value: valueOf(in.Value), Description: in.Description, Env: in.Env, File: in.File,
		Enabled: in.Enabled, Lookup: in.Lookup, Selector: selectorOf(in.Selector),
	}, c.expect)
	c.version(got.Version)
	return secretOf(got, warnings), err
}

func (s *Server) deleteSecret(ctx context.Context, c *call) error {
	return s.Vault.Delete(ctx, c.actor, c.value("name"), c.expect)
}

func (s *Server) revealSecret(ctx context.Context, c *call, in api.RevealRequest) (api.Reveal, error) {
	got, value, err := s.Vault.Reveal(ctx, c.actor, c.value("name"), vault.Proof{Confirm: in.Confirm, StepUp: in.StepUp})
	if err != nil {
		return api.Reveal{}, err
	}
	return api.Reveal{Name: got.Name, Version: got.Version, Value: api.NewValue(value.Reveal())}, nil
}

func (s *Server) importSecrets(ctx context.Context, c *call, in api.SecretImport) (api.ImportResult, error) {
	got, err := s.Vault.Import(ctx, c.actor, vault.Import{
		Format: in.Format, Content: secret.New(in.Content.Bytes()), DryRun: in.DryRun,
		Env: in.Env, Lookup: in.Lookup, Selector: in.Selector,
	})
	return api.ImportResult{DryRun: in.DryRun, Secrets: secretsOf(got)}, err
}

func secretsOf(list []core.Secret) []api.Secret {
	return listOf(list, func(s core.Secret) api.Secret { return secretOf(s, nil) })
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

// selectorOf is the selector of an update, nil where it names none.
func selectorOf(m *map[string]string) *core.Selector {
	if m == nil {
		return nil
	}
	sel := core.Selector(*m)
	return &sel
}
