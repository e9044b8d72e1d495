package workspace_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

var stale = &core.Error{Code: core.Conflict, Reason: "stale"}

func TestGetAndUpdate(t *testing.T) {
	f := newFixture(t)
	actor, _, _ := f.start(t, workspace.Spec{Labels: map[string]string{"a": "b"}, Seconds: 60})
	w, err := f.Get(t.Context(), core.LocalUser, actor.ID)
	if err != nil || w.Version != 1 || w.Labels["a"] != "b" || w.SessionDigest != nil || w.ExpiresAt.Sub(w.CreatedAt).Seconds() != 60 {
		t.Fatalf("%+v, %v", w, err)
	}
	next, err := f.Update(t.Context(), core.LocalUser, actor.ID, map[string]string{"c": "d"}, 1)
	if err != nil || next.Version != 2 || len(next.Labels) != 1 || next.Labels["c"] != "d" {
		t.Errorf("updated %+v, %v", next, err)
	}
	got, err := f.Get(t.Context(), core.LocalUser, actor.ID)
	if err != nil || got.Version != 2 || got.Labels["c"] != "d" || !got.UpdatedAt.Equal(next.UpdatedAt) || !got.ExpiresAt.Equal(w.ExpiresAt) {
		t.Errorf("stored %+v, %v", got, err)
	}
	_, err = f.Update(t.Context(), core.LocalUser, actor.ID, nil, 1)
	_, _, _, rotated := f.Rotate(t.Context(), core.LocalUser, actor.ID, 1)
	for what, err := range map[string]error{"update": err, "rotate": rotated, "end": f.End(t.Context(), core.LocalUser, actor.ID, 1)} {
		if !errors.Is(err, stale) {
			t.Errorf("%s of an older version: %v", what, err)
		}
	}
	if err := f.End(t.Context(), core.LocalUser, actor.ID, 2); err != nil {
		t.Fatal(err)
	}
	if w, err := f.Get(t.Context(), core.LocalUser, actor.ID); err != nil || w.EndedAt.IsZero() || w.Version != 3 {
		t.Errorf("an ended one: %+v, %v", w, err)
	}
	_, err = f.Update(t.Context(), core.LocalUser, actor.ID, nil, 0)
	wantCode(t, err, core.NotFound, "no live workspace")
	_, _, _, err = f.Rotate(t.Context(), core.LocalUser, actor.ID, 0)
	wantCode(t, err, core.NotFound, "no live workspace")
	_, err = f.Update(t.Context(), core.LocalUser, actor.ID, map[string]string{"a b": "c"}, 0)
	wantCode(t, err, core.Invalid, "not a label")
}

// Somebody has taken the keys out of a workspace. Once they are rotated they are
// worth nothing, at once and in the same transaction.
func TestRotate(t *testing.T) {
	f := newFixture(t)
	f.secret(t, vault.NewSecret{Name: "A", Env: "A"})
	actor, session, gateway := f.start(t, workspace.Spec{Gateway: true})
	f.manifest(t, actor)
	w, s, g, err := f.Rotate(t.Context(), core.LocalUser, actor.ID, 0)
	if err != nil || w.Version != 2 || w.SessionDigest != nil {
		t.Fatalf("%+v, %v", w, err)
	}
	_, _, err = f.Session(t.Context(), session)
	wantRevoked(t, "the old session key", err)
	_, err = f.GatewayKey(t.Context(), gateway)
	wantRevoked(t, "the old gateway key", err)
	again, _, err := f.Session(t.Context(), string(s.Reveal()))
	if err != nil || again.ID != actor.ID {
		t.Errorf("the new session key: %v", err)
	}
	if _, err := f.GatewayKey(t.Context(), string(g.Reveal())); err != nil {
		t.Errorf("the new gateway key: %v", err)
	}
	before := len(f.trail(t))
	f.manifest(t, again)
	trail := f.trail(t)
	if len(trail) != before+2 {
		t.Error("whoever has the new keys is not told of in the trail")
	}
	if e := trail[before-1]; e.Action != guard.WorkspaceRotate || e.Outcome != guard.OK || e.Subject != "workspace:"+actor.ID {
		t.Errorf("entry %+v", e)
	}
	bare, _, _ := f.start(t, workspace.Spec{})
	if _, _, g, err := f.Rotate(t.Context(), core.LocalUser, bare.ID, 0); err != nil || !g.IsZero() {
		t.Errorf("a gateway key that nobody asked for: %v", err)
	}
}

// Of several rotations that saw one version one is made, so that nobody is left
// with keys that are not those of the record.
func TestConcurrentRotations(t *testing.T) {
	f := newFixture(t)
	actor, _, _ := f.start(t, workspace.Spec{})
	var key atomic.Value
	won := guardtest.Many(t, core.Conflict, "stale", func(int) error {
		_, s, _, err := f.Rotate(t.Context(), core.LocalUser, actor.ID, 1)
		if err == nil {
			key.Store(string(s.Reveal()))
		}
		return err
	})
	if _, _, err := f.Session(t.Context(), key.Load().(string)); won != 1 || err != nil {
		t.Errorf("%d won, %v", won, err)
	}
}

// A launcher may act for anna. It sees and touches what it made for her, and
// nothing that she or another launcher made, as if that were not there.
func TestALauncherHasOnlyWhatItMade(t *testing.T) {
	f := newFixture(t)
	anna, otto := f.user(t, "anna"), f.user(t, "otto")
	mine, other := launcher("coder", anna), launcher("other", anna)
	_, hers := f.startFor(t, anna, workspace.Spec{})
	_, made := f.startFor(t, mine, workspace.Spec{})
	_, others := f.startFor(t, other, workspace.Spec{})
	_, ottos := f.startFor(t, launcher("coder", otto), workspace.Spec{})
	if made.Launcher != "coder" || hers.Launcher != "" || made.Owner != anna.Owner {
		t.Errorf("%+v, %+v", made, hers)
	}
	for _, filter := range []store.WorkspaceFilter{{}, {Ended: true}, {Launcher: "other"}} {
		list, err := f.List(t.Context(), mine, filter, store.Page{})
		if err != nil || len(list) != 1 || list[0].ID != made.ID {
			t.Errorf("its list %+v, %v", list, err)
		}
	}
	for name, w := range map[string]core.Workspace{"hers": hers, "another's": others, "otto's": ottos, "none": {ID: "wsp_none"}} {
		_, get := f.Get(t.Context(), mine, w.ID)
		_, update := f.Update(t.Context(), mine, w.ID, nil, 0)
		_, _, _, rotate := f.Rotate(t.Context(), mine, w.ID, 0)
		for what, err := range map[string]error{"get": get, "update": update, "rotate": rotate, "end": f.End(t.Context(), mine, w.ID, 0)} {
			wantCode(t, err, core.NotFound, "there is no workspace")
			if err.(*core.Error).Message != `there is no workspace "`+w.ID+`"` {
				t.Errorf("%s of %s tells more: %v", what, name, err)
			}
		}
	}
	if list, err := f.List(t.Context(), anna, store.WorkspaceFilter{}, store.Page{}); err != nil || len(list) != 3 {
		t.Errorf("she sees %d, %v", len(list), err)
	}
	if list, err := f.List(t.Context(), anna, store.WorkspaceFilter{Launcher: "coder"}, store.Page{Limit: 5}); err != nil || len(list) != 1 {
		t.Errorf("of the launcher %d, %v", len(list), err)
	}
	if err := f.End(t.Context(), anna, made.ID, 0); err != nil {
		t.Errorf("she ends what it made: %v", err)
	}
	if n, err := f.Count(t.Context(), anna); err != nil || n != 2 {
		t.Errorf("%d live, %v", n, err)
	}
}

func TestPages(t *testing.T) {
	f := newFixture(t)
	var want []string
	for range 5 {
		actor, _, _ := f.start(t, workspace.Spec{})
		want = append([]string{actor.ID}, want...)
	}
	var got []string
	for p := (store.Page{Limit: 2}); ; p.After = got[len(got)-1] {
		list, err := f.List(t.Context(), core.LocalUser, store.WorkspaceFilter{}, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, w := range list {
			got = append(got, w.ID)
		}
	}
	if len(got) != 5 || got[0] != want[0] || got[4] != want[4] {
		t.Errorf("pages %q, want %q", got, want)
	}
}

func TestSpecsOfAServer(t *testing.T) {
	f := newFixture(t)
	anna := f.user(t, "anna")
	for name, c := range map[string]struct {
		spec workspace.Spec
		want string
	}{
		"a process elsewhere": {workspace.Spec{Process: "1:1"}, "process of another machine"},
		"negative":            {workspace.Spec{Seconds: -1}, "seconds"},
		"for ever":            {workspace.Spec{Seconds: 1 << 40}, "seconds"},
		"namespace":           {workspace.Spec{Namespace: "a/b"}, "namespace"},
	} {
		_, _, _, err := f.Create(t.Context(), anna, c.spec)
		if e, ok := err.(*core.Error); !ok || e.Code != core.Invalid || e.Hint == "" {
			t.Errorf("%s: %#v", name, err)
		} else {
			wantCode(t, err, core.Invalid, c.want)
		}
	}
}
