package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
)

const tagPools = "pools"

func (s *Server) poolRoutes() []Route {
	const all, one = "/v1/pools", "/v1/pools/{provider}/{namespace}"
	return orgToo([]Route{
		{Method: http.MethodGet, Path: all, ID: "listPools", Tag: tagPools, Summary: "List pools, in order of provider and namespace",
			Acts: []string{guard.PoolList}, Status: http.StatusOK, typed: gives(s.listPools)},
		{Method: http.MethodGet, Path: one, ID: "getPool", Tag: tagPools, Summary: "Show one pool",
			Acts: []string{guard.PoolList}, Status: http.StatusOK, Tagged: true, Fresh: true, typed: gives(s.getPool)},
		{Method: http.MethodPatch, Path: one, ID: "updatePool", Tag: tagPools, Summary: "Change how a pool is used, or the order of its accounts",
			Acts: []string{guard.PoolUpdate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getPool), typed: takes(s.updatePool)},
	})
}

func (s *Server) listPools(ctx context.Context, c *call) (api.PoolList, error) {
	list, err := s.Accounts.Pools(ctx, c.actor)
	return api.PoolList{Pools: listOf(list, poolOf)}, err
}

func (s *Server) getPool(ctx context.Context, c *call) (api.Pool, error) {
	got, err := s.Accounts.Pool(ctx, c.actor, c.value("provider"), c.value("namespace"))
	c.version(got.Version)
	return poolOf(got), err
}

func (s *Server) updatePool(ctx context.Context, c *call, in api.PoolUpdate) (api.Pool, error) {
	got, err := s.Accounts.UpdatePool(ctx, c.actor, c.value("provider"), c.value("namespace"), account.PoolEdit{
		Strategy: (*core.Strategy)(in.Strategy), AllowAmbiguous: in.AllowAmbiguous, Accounts: in.Accounts,
	}, c.expect)
	c.version(got.Version)
	return poolOf(got), err
}

func poolOf(p account.Pool) api.Pool {
	out := api.Pool{
		Provider: p.Provider, Namespace: p.Namespace, Strategy: string(p.Strategy),
		AllowAmbiguous: p.AllowAmbiguous, Accounts: p.Accounts, Version: p.Version,
	}
	if out.Accounts == nil {
		out.Accounts = []string{}
	}
	return out
}
