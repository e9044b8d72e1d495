package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func addWorkspaces(ws ...core.Workspace) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, w := range ws {
			if err := tx.Workspaces().Create(ctx, w); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s suite) noWorkspace(t testing.TB, find func(context.Context, store.Workspaces) (core.Workspace, error)) {
	t.Helper()
	wants(t, s.View(t.Context(), func(tx store.Tx) error {
		_, err := find(t.Context(), tx.Workspaces())
		return err
	}), core.NotFound)
}

func bySession(d []byte) func(context.Context, store.Workspaces) (core.Workspace, error) {
	return func(ctx context.Context, w store.Workspaces) (core.Workspace, error) { return w.BySession(ctx, d) }
}

func byGateway(d []byte) func(context.Context, store.Workspaces) (core.Workspace, error) {
	return func(ctx context.Context, w store.Workspaces) (core.Workspace, error) { return w.ByGateway(ctx, d) }
}

func byID(id string) func(context.Context, store.Workspaces) (core.Workspace, error) {
	return func(ctx context.Context, w store.Workspaces) (core.Workspace, error) { return w.Get(ctx, id) }
}

func (s suite) workspace(t testing.TB, find func(context.Context, store.Workspaces) (core.Workspace, error)) core.Workspace {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) (core.Workspace, error) { return find(ctx, tx.Workspaces()) })
}

func (s suite) live(t testing.TB, o core.Owner) (ids string) {
	t.Helper()
	for _, w := range read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Workspace, error) { return tx.Workspaces().Live(ctx, o) }) {
		ids += w.ID
	}
	return ids
}

func testWorkspaces(t *testing.T, s suite) {
	a, b := Workspace("a"), Workspace("b")
	a.CreatedAt = at(5)
	bare := core.Workspace{ID: "c", Owner: core.Local, SessionDigest: []byte("c"), Version: 1, CreatedAt: at(6)}
	bare2 := core.Workspace{ID: "d", Owner: core.Local, SessionDigest: []byte("d"), Version: 1, CreatedAt: at(6)}
	foreign := Workspace("f")
	foreign.Owner = other
	s.do(t, addWorkspaces(a, b, bare, bare2, foreign))
	for _, w := range []core.Workspace{a, b, bare, foreign} {
		same(t, w, s.workspace(t, byID(w.ID)))
		same(t, w, s.workspace(t, bySession(w.SessionDigest)))
	}
	same(t, a, s.workspace(t, byGateway(a.GatewayDigest)))
	same(t, "bacd", s.live(t, core.Local))
	for _, find := range []func(context.Context, store.Workspaces) (core.Workspace, error){
		byID("nope"), bySession(a.GatewayDigest), byGateway(a.SessionDigest), bySession(nil), byGateway(nil), byGateway([]byte{}),
	} {
		s.noWorkspace(t, find)
	}

	end := func(id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, id, at(9)) }
	}
	s.do(t, end("a"))
	s.noWorkspace(t, bySession(a.SessionDigest))
	s.noWorkspace(t, byGateway(a.GatewayDigest))
	same(t, "bcd", s.live(t, core.Local))
	ended := a
	ended.EndedAt, ended.SessionDigest, ended.GatewayDigest = at(9), nil, nil
	ended.Version, ended.UpdatedAt = 2, at(9)
	same(t, ended, s.workspace(t, byID("a")))
	s.fails(t, core.NotFound, end("a"))
	s.fails(t, core.NotFound, end("nope"))
	same(t, ended, s.workspace(t, byID("a")))
}

func testWorkspaceConflicts(t *testing.T, s suite) {
	a := Workspace("a")
	s.do(t, addWorkspaces(a))
	session, gateway := Workspace("b"), Workspace("c")
	session.SessionDigest, gateway.GatewayDigest = a.SessionDigest, a.GatewayDigest
	for _, w := range []core.Workspace{a, session, gateway} {
		s.fails(t, core.Conflict, addWorkspaces(w))
	}
	same(t, "a", s.live(t, core.Local))
}
