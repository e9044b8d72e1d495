package storetest

import (
	"context"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type findWorkspace func(ctx context.Context, tx store.Tx) (core.Workspace, error)

func bySession(d []byte) findWorkspace {
	return func(ctx context.Context, tx store.Tx) (core.Workspace, error) {
		return tx.Workspaces().BySession(ctx, d)
	}
}

func byGateway(d []byte) findWorkspace {
	return func(ctx context.Context, tx store.Tx) (core.Workspace, error) {
		return tx.Workspaces().ByGateway(ctx, d)
	}
}

func byID(id string) findWorkspace {
	return func(ctx context.Context, tx store.Tx) (core.Workspace, error) { return tx.Workspaces().Get(ctx, id) }
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
	s.do(t, add(store.Tx.Workspaces, a, b, bare, bare2, foreign))
	for _, w := range []core.Workspace{a, b, bare, foreign} {
		same(t, w, read(t, s, byID(w.ID)))
		same(t, w, read(t, s, bySession(w.SessionDigest)))
	}
	same(t, a, read(t, s, byGateway(a.GatewayDigest)))
	same(t, "bacd", s.live(t, core.Local))
	for _, find := range []findWorkspace{
		byID("nope"), bySession(a.GatewayDigest), byGateway(a.SessionDigest), bySession(nil), byGateway(nil), byGateway([]byte{}),
	} {
		missing(t, s, find)
	}

	end := func(id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, id, at(9)) }
	}
	s.do(t, end("a"))
	missing(t, s, bySession(a.SessionDigest))
	missing(t, s, byGateway(a.GatewayDigest))
	same(t, "bcd", s.live(t, core.Local))
	ended := a
	ended.EndedAt, ended.SessionDigest, ended.GatewayDigest = at(9), nil, nil
	ended.Version, ended.UpdatedAt = 2, at(9)
	same(t, ended, read(t, s, byID("a")))
	s.fails(t, core.NotFound, end("a"))
	s.fails(t, core.NotFound, end("nope"))
	same(t, ended, read(t, s, byID("a")))
}

func testWorkspaceConflicts(t *testing.T, s suite) {
	a := Workspace("a")
	s.do(t, add(store.Tx.Workspaces, a))
	session, gateway := Workspace("b"), Workspace("c")
	session.SessionDigest, gateway.GatewayDigest = a.SessionDigest, a.GatewayDigest
	for _, w := range []core.Workspace{a, session, gateway} {
		s.fails(t, core.Conflict, add(store.Tx.Workspaces, w))
	}
	same(t, "a", s.live(t, core.Local))
}

func endWorkspace(id string, n int) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, id, at(n)) }
}

func testWorkspaceUpdate(t *testing.T, s suite) {
	w := Workspace("a")
	s.do(t, add(store.Tx.Workspaces, w, Workspace("b")))
	next := w
	next.Labels, next.SessionDigest, next.GatewayDigest = map[string]string{"a": "b"}, []byte("new session"), []byte("new gateway")
	next.ExpiresAt, next.UpdatedAt, next.Version = at(2000), at(9), 2
	forged := next // what else it says is not stored
	forged.Owner, forged.Namespace, forged.Only, forged.Except, forged.Providers = other, "x", nil, nil, nil
	forged.Gateway, forged.Process, forged.Launcher, forged.CreatedAt, forged.Version = false, "x", "x", at(0), 7
	forged.EndedAt = at(10)
	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, update(store.Tx.Workspaces, forged, stale))
	}
	same(t, w, read(t, s, byID("a")))
	same(t, []string{"workspace user:local a"}, s.since(t, update(store.Tx.Workspaces, forged, 1)))
	same(t, next, read(t, s, byID("a")))
	same(t, next, read(t, s, bySession([]byte("new session"))))
	missing(t, s, bySession(w.SessionDigest))
	missing(t, s, byGateway(w.GatewayDigest))

	taken := next
	taken.SessionDigest = Workspace("b").SessionDigest
	s.fails(t, core.Conflict, update(store.Tx.Workspaces, taken, 2))
	next.Labels, next.SessionDigest, next.GatewayDigest, next.ExpiresAt, next.Version = nil, nil, nil, time.Time{}, 3
	s.do(t, update(store.Tx.Workspaces, next, 2))
	same(t, next, read(t, s, byID("a")))
	s.fails(t, core.NotFound, update(store.Tx.Workspaces, Workspace("gone"), 1))
	s.do(t, endWorkspace("a", 20))
	s.fails(t, core.NotFound, update(store.Tx.Workspaces, next, 4))

	wrong := Workspace("c")
	wrong.Version = 0
	s.fails(t, core.Internal, add(store.Tx.Workspaces, wrong))
}

func testWorkspaceRenew(t *testing.T, s suite) {
	renew := func(id string, until time.Time) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().Renew(ctx, id, until) }
	}
	w := Workspace("a")
	s.do(t, add(store.Tx.Workspaces, w, Workspace("b")))
	for _, until := range []time.Time{at(5000), at(10), {}} {
		if got := s.since(t, renew("a", until)); got != nil {
			t.Fatalf("it is a change: %v", got)
		}
		w.ExpiresAt = until
		same(t, w, read(t, s, byID("a")))
	}
	same(t, Workspace("b"), read(t, s, byID("b")))
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
	s.do(t, add(store.Tx.Workspaces, made("a", 10), made("b", 20), never, ended, foreign))
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
	same(t, made("a", 10), read(t, s, bySession(Workspace("a").SessionDigest)))
}

func testWorkspaceCount(t *testing.T, s suite) {
	count := func(o core.Owner, want int) {
		t.Helper()
		same(t, want, read(t, s, func(ctx context.Context, tx store.Tx) (int, error) { return tx.Workspaces().CountLive(ctx, o) }))
	}
	count(core.Owner{}, 0)
	foreign := Workspace("f")
	foreign.Owner = other
	s.do(t, add(store.Tx.Workspaces, Workspace("a"), Workspace("b"), foreign))
	count(core.Local, 2)
	count(other, 1)
	count(core.Org, 0)
	count(core.Owner{}, 3)
	s.do(t, endWorkspace("a", 3))
	count(core.Local, 1)
	count(core.Owner{}, 2)
}
