package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func create(secrets ...core.SealedSecret) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, s := range secrets {
			if err := tx.Secrets().Create(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

func getSecret(o core.Owner, name string) func(context.Context, store.Tx) (core.SealedSecret, error) {
	return func(ctx context.Context, tx store.Tx) (core.SealedSecret, error) {
		return tx.Secrets().Get(ctx, o, name)
	}
}

func (s suite) noSecret(t testing.TB, o core.Owner, name string) {
	t.Helper()
	wants(t, s.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Secrets().Get(t.Context(), o, name)
		return err
	}), core.NotFound)
}

func testSecrets(t *testing.T, s suite) {
	a := Secret("a")
	s.noSecret(t, core.Local, a.Name)
	s.do(t, create(a))
	same(t, a, read(t, s, getSecret(core.Local, a.Name)))

	// Every field changes, and what is empty stays empty.
	b := core.SealedSecret{Secret: core.Secret{ID: "a", Owner: core.Local, Name: "RENAMED", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}, KeyID: "key_2", Ciphertext: []byte{1}}
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Update(ctx, b, 1) })
	same(t, b, read(t, s, getSecret(core.Local, "RENAMED")))
	s.noSecret(t, core.Local, a.Name)

	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Delete(ctx, "a", 2) })
	s.noSecret(t, core.Local, "RENAMED")
	s.do(t, create(a)) // the name and the id are free again
}

func testSecretConflicts(t *testing.T, s suite) {
	a, b := Secret("a"), Secret("b")
	s.do(t, create(a, b))
	again := Secret("c")
	again.Name = a.Name
	s.fails(t, core.Conflict, create(again))
	s.fails(t, core.Conflict, create(a))
	wrong := Secret("d")
	wrong.Version = 2
	s.fails(t, core.Internal, create(wrong))

	update := func(x core.SealedSecret, expect int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Update(ctx, x, expect) }
	}
	remove := func(id string, expect int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Delete(ctx, id, expect) }
	}
	changed := a
	changed.Description, changed.Version = "changed", 2
	for _, stale := range []int64{0, 2, 99} {
		s.fails(t, core.Conflict, update(changed, stale))
		s.fails(t, core.Conflict, remove("a", stale))
	}
	taken := a
	taken.Name = b.Name
	s.fails(t, core.Conflict, update(taken, 1))
	gone := Secret("gone")
	s.fails(t, core.NotFound, update(gone, 1))
	s.fails(t, core.NotFound, remove("gone", 1))
	stolen := a
	stolen.Owner = other
	s.fails(t, core.Conflict, update(stolen, 1))
	same(t, a, read(t, s, getSecret(core.Local, a.Name)))
	same(t, b, read(t, s, getSecret(core.Local, b.Name)))

	// Two that saw the same version: the second learns of it.
	s.do(t, update(changed, 1))
	s.fails(t, core.Conflict, update(changed, 1))
	got := read(t, s, getSecret(core.Local, a.Name))
	if got.Version != 2 || got.Description != "changed" {
		t.Fatalf("%+v", got.Secret)
	}
}

func testSecretList(t *testing.T, s suite) {
	var all []core.SealedSecret
	for i, name := range []string{"b", "B", "a_", "a", "é", "Z", "a!"} {
		x := Secret(string(rune('p' + i)))
		x.Name = name
		all = append(all, x)
	}
	foreign := Secret("foreign")
	foreign.Owner, foreign.Name = other, "a"
	s.do(t, create(append(all, foreign)...))
	list := func(o core.Owner) []core.SealedSecret {
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.SealedSecret, error) { return tx.Secrets().List(ctx, o) })
	}
	var names []string
	for _, x := range list(core.Local) {
		names = append(names, x.Name)
	}
	same(t, []string{"B", "Z", "a", "a!", "a_", "b", "é"}, names)
	same(t, []core.SealedSecret{foreign}, list(other))
	if got := list(core.Owner{Kind: core.UserOwner, ID: "nobody"}); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
}

// Text and bytes come back as they were, whatever they look like.
func testHostileText(t *testing.T, s suite) {
	for i, text := range []string{"'; DROP TABLE secret; --", `"quoted"`, "line\nbreak", "nul\x00inside", "%s?x=1&y", "12", "2025-01-01 00:00:00", "NULL", ""} {
		x := Secret(string(rune('a' + i)))
		x.Description, x.File, x.Ciphertext = text, text, []byte(text)
		if text == "" {
			x.Ciphertext = []byte{0}
		}
		s.do(t, create(x))
		same(t, x, read(t, s, getSecret(core.Local, x.Name)))
	}
}
