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

const tagStepUps = "approval of reveals"

func (s *Server) stepUpRoutes() []Route {
	const all, one = "/v1/step-ups", "/v1/step-ups/{id}"
	return []Route{
		{Method: http.MethodPost, Path: all, ID: "askStepUp", Tag: tagStepUps, Summary: "Ask for the approval that one reveal takes",
			Who: Users, Server: true, Acts: []string{guard.StepUpAsk, guard.SecretGet}, Status: http.StatusCreated, Confirmed: true,
			Also: []int{http.StatusNotFound, http.StatusTooManyRequests}, typed: takes(s.askStepUp)},
		{Method: http.MethodGet, Path: one, ID: "getStepUp", Tag: tagStepUps, Summary: "Whether an approval was given",
			Who: Users, Server: true, Acts: []string{guard.StepUpAsk}, Status: http.StatusOK, typed: gives(s.getStepUp)},
		{Method: http.MethodPost, Path: one + "/approve", ID: "approveStepUp", Tag: tagStepUps, Summary: "Approve one reveal; only from a browser that is signed in",
			Who: Users, Server: true, Acts: []string{guard.StepUpDecide}, Status: http.StatusNoContent, Confirmed: true,
			Also: []int{http.StatusConflict}, typed: does(s.approveStepUp)},
		{Method: http.MethodPost, Path: one + "/deny", ID: "denyStepUp", Tag: tagStepUps, Summary: "Deny one reveal; only from a browser that is signed in",
			Who: Users, Server: true, Acts: []string{guard.StepUpDecide}, Status: http.StatusNoContent,
			Also: []int{http.StatusConflict}, typed: does(s.denyStepUp)},
	}
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
	got, err := s.Identity.AskStepUp(ctx, actor, found)
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

func (s *Server) stepUpOf(c *call, u identity.StepUp) api.StepUp {
	return api.StepUp{
		ID: u.ID, State: string(u.State), Secret: u.Secret, Version: u.Version, Code: u.Code,
		ApproveURL: s.page(c, "/step-up/"+url.PathEscape(u.ID)), CreatedAt: u.CreatedAt, ExpiresAt: u.ExpiresAt,
	}
}
