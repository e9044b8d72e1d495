package storetest

import (
	"context"
	"testing"
	"time"

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

func updateWorkspace(w core.Workspace, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().Update(ctx, w, expect) }
}

func endWorkspace(id string, n int) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, id, at(n)) }
}

func testWorkspaceUpdate(t *testing.T, s suite) {
	w := Workspace("a")
	s.do(t, addWorkspaces(w, Workspace("b")))
	next := w
	next.Labels, next.SessionDigest, next.GatewayDigest = map[string]string{"a": "b"}, []byte("new session"), []byte("new gateway")
	next.ExpiresAt, next.UpdatedAt, next.Version = at(2000), at(9), 2
	forged := next // what else it says is not stored
	forged.Owner, forged.Namespace, forged.Only, forged.Except, forged.Providers = other, "x", nil, nil, nil
	forged.Gateway, forged.Process, forged.Launcher, forged.CreatedAt, forged.Version = false, "x", "x", at(0), 7
	forged.EndedAt = at(10)
	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, updateWorkspace(forged, stale))
	}
	same(t, w, s.workspace(t, byID("a")))
	same(t, []string{"workspace user:local a"}, s.since(t, updateWorkspace(forged, 1)))
	same(t, next, s.workspace(t, byID("a")))
	same(t, next, s.workspace(t, bySession([]byte("new session"))))
	s.noWorkspace(t, bySession(w.SessionDigest))
	s.noWorkspace(t, byGateway(w.GatewayDigest))

	taken := next
	taken.SessionDigest = Workspace("b").SessionDigest
	s.fails(t, core.Conflict, updateWorkspace(taken, 2))
	next.Labels, next.SessionDigest, next.GatewayDigest, next.ExpiresAt, next.Version = nil, nil, nil, time.Time{}, 3
	s.do(t, updateWorkspace(next, 2))
	same(t, next, s.workspace(t, byID("a")))
	s.fails(t, core.NotFound, updateWorkspace(Workspace("gone"), 1))
	s.do(t, endWorkspace("a", 20))
	s.fails(t, core.NotFound, updateWorkspace(next, 4))

	wrong := Workspace("c")
	wrong.Version = 0
	s.fails(t, core.Internal, addWorkspaces(wrong))
}

func testWorkspaceRenew(t *testing.T, s suite) {
	renew := func(id string, until time.Time) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().Renew(ctx, id, until) }
	}
	w := Workspace("a")
	s.do(t, addWorkspaces(w, Workspace("b")))
	for _, until := range []time.Time{at(5000), at(10), {}} {
		if got := s.since(t, renew("a", until)); got != nil {
			t.Fatalf("it is a change: %v", got)
		}
		w.ExpiresAt = until
		same(t, w, s.workspace(t, byID("a")))
	}
	same(t, Workspace("b"), s.workspace(t, byID("b")))
	s.do(t, endWorkspace("a", 20))
	s.fails(t, core.NotFound, renew("a", at(6000)))
	s.fails(t, core.NotFound, renew("gone", at(6000)))
}

func testWorkspaceExpired(t *testing.T, s suite) {
	made := func(id string, expires int) core.Workspace {
		w := Workspace(id)
		w.ExpiresAt = at(expires)
		return w
	}
	never, ended, foreign := made("n", 0), made("e", 1), made("f", 15)
	never.ExpiresAt, foreign.Owner = time.Time{}, other
	s.do(t, addWorkspaces(made("a", 10), made("b", 20), never, ended, foreign))
	s.do(t, endWorkspace("e", 2))
	for _, c := range []struct {
		now, limit int
		want       []string
	}{{9, 5, []string{}}, {10, 5, []string{"a"}}, {19, 5, []string{"a", "f"}}, {20, 5, []string{"a", "f", "b"}}, {99, 2, []string{"a", "f"}}, {99, 0, []string{}}} {
		got := read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Workspace, error) {
			return tx.Workspaces().Expired(ctx, at(c.now), c.limit)
		})
		same(t, c.want, ids(got, func(w core.Workspace) string { return w.ID }))
	}
	// That it has expired is for the caller to say.
	same(t, made("a", 10), s.workspace(t, bySession(Workspace("a").SessionDigest)))
}

func testWorkspaceCount(t *testing.T, s suite) {
	count := func(o core.Owner, want int) {
		t.Helper()
		same(t, want, read(t, s, func(ctx context.Context, tx store.Tx) (int, error) { return tx.Workspaces().CountLive(ctx, o) }))
	}
	count(core.Owner{}, 0)
	foreign := Workspace("f")
	foreign.Owner = other
	s.do(t, addWorkspaces(Workspace("a"), Workspace("b"), foreign))
	count(core.Local, 2)
	count(other, 1)
	count(core.Org, 0)
	count(core.Owner{}, 3)
	s.do(t, endWorkspace("a", 3))
	count(core.Local, 1)
	count(core.Owner{}, 2)
}
