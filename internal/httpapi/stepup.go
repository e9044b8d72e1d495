package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
)

const tagStepUps = "approval in a browser"

func (s *Server) stepUpRoutes() []Route {
	const all, one = "/v1/step-ups", "/v1/step-ups/{id}"
	return []Route{
		{Method: http.MethodPost, Path: all, ID: "askStepUp", Tag: tagStepUps, Summary: "Ask for the approval that one reveal takes",
			Who: Users, Server: true, Acts: []string{guard.StepUpAsk, guard.SecretGet}, Status: http.StatusCreated, Confirmed: true,
			Also: []int{http.StatusNotFound, http.StatusTooManyRequests}, typed: takes(s.askStepUp)},
		{Method: http.MethodPost, Path: "/v1/tokens/step-ups", ID: "askTokenStepUp", Tag: tagStepUps, Summary: "Ask for the approval that a token takes which ends with no other",
			Text: "A browser that is signed in shows the name, the scopes and the end. Once approved, POST /v1/tokens makes just that token, with the id as step_up.",
			Who:  Users, Server: true, Acts: []string{guard.TokenAsk}, Status: http.StatusCreated, Confirmed: true,
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.askTokenStepUp)},
		{Method: http.MethodGet, Path: one, ID: "getStepUp", Tag: tagStepUps, Summary: "Whether an approval was given",
			Text: "Of a token's it takes tokens:write instead.",
			Who:  Users, Server: true, Acts: []string{guard.StepUpAsk}, actsOf: looks, Status: http.StatusOK, typed: gives(s.getStepUp)},
		{Method: http.MethodPost, Path: one + "/approve", ID: "approveStepUp", Tag: tagStepUps, Summary: "Approve one reveal or one token; only from a browser that is signed in",
			Who: Users, Server: true, Acts: []string{guard.StepUpDecide}, actsOf: decides, Status: http.StatusNoContent, Confirmed: true,
			Also: []int{http.StatusConflict}, typed: does(s.approveStepUp)},
		{Method: http.MethodPost, Path: one + "/deny", ID: "denyStepUp", Tag: tagStepUps, Summary: "Deny one reveal or one token; only from a browser that is signed in",
			Who: Users, Server: true, Acts: []string{guard.StepUpDecide}, actsOf: decides, Status: http.StatusNoContent,
			Also: []int{http.StatusConflict}, typed: does(s.denyStepUp)},
	}
}

// looks and decides are the acts by what a step-up is for.
func looks(id string) []string {
	ask, _ := identity.StepUpActs(id)
	return []string{ask}
}

func decides(id string) []string {
	_, decide := identity.StepUpActs(id)
	return []string{decide}
}

func (s *Server) askStepUp(ctx context.Context, c *call, in api.StepUpAsk) (api.StepUp, error) {
	actor := c.actor
	if in.Org {
		actor = actor.On(core.Org)
	}
	found, err := s.Vault.Get(ctx, actor, in.Secret)
	if err != nil {
		return api.StepUp{}, err
	}
	got, err := s.Identity.AskStepUp(ctx, actor, found, c.from())
	if err != nil {
		return api.StepUp{}, err
	}
	c.made(got.ID)
	return s.stepUpOf(c, got), nil
}

func (s *Server) getStepUp(ctx context.Context, c *call) (api.StepUp, error) {
	got, err := s.Identity.StepUp(ctx, c.actor, c.value("id"))
	if err != nil {
		return api.StepUp{}, err
	}
	return s.stepUpOf(c, got), nil
}

func (s *Server) approveStepUp(ctx context.Context, c *call) error {
	return s.Identity.DecideStepUp(ctx, c.actor, c.value("id"), true)
}

func (s *Server) denyStepUp(ctx context.Context, c *call) error {
	return s.Identity.DecideStepUp(ctx, c.actor, c.value("id"), false)
}

func (s *Server) askTokenStepUp(ctx context.Context, c *call, in api.TokenAsk) (api.StepUp, error) {
	spec, err := tokenSpec(in)
	if err != nil {
		return api.StepUp{}, err
	}
	got, err := s.Identity.AskToken(ctx, c.actor, spec, c.from())
	if err != nil {
		return api.StepUp{}, err
	}
	c.w.Header().Set("Location", "/v1/step-ups/"+url.PathEscape(got.ID))
	return s.stepUpOf(c, got), nil
}

// from is the address that asks, as far as it is to be believed.
func (c *call) from() string {
	if !c.peer.Address.IsValid() {
		return ""
	}
	return c.peer.Address.String()
}

func (s *Server) stepUpOf(c *call, u identity.StepUp) api.StepUp {
	out := api.StepUp{
		ID: u.ID, Purpose: "reveal", State: string(u.State), Secret: u.Secret, Version: u.Version, Code: u.Code,
		ApproveURL: s.page(c, "/step-up/"+url.PathEscape(u.ID)), CreatedAt: u.CreatedAt, ExpiresAt: u.ExpiresAt,
	}
	if u.Kind == core.TokenProof {
		out.Purpose = "token"
		out.Token = &api.StepUpToken{Name: u.Token.Name, Scopes: u.Token.Scopes.Names(), ExpiresAt: u.Until}
	}
	return out
}
