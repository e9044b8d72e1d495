package seal_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

func (m memory) ReplaceKey(_ context.Context, k core.WrappedKey) error { m[k.Owner] = k; return nil }

func TestRotateThenDrop(t *testing.T) {
	m, keys := memory{}, seal.NewKeys(rootKey(t, 1))
	first, err := keys.Ensure(t.Context(), m, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	old := sealed(t, first)
	second, err := keys.Rotate(t.Context(), m, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	if second.ID() == first.ID() || second.ID() != m[core.Local].ID || first.Older() != 0 || second.Older() != 1 {
		t.Fatalf("ids %s and %s, %d older", first.ID(), second.ID(), second.Older())
	}
	anew := sealed(t, second)
	// Every process finds the same, whatever it remembers.
	for _, k := range []*seal.Keys{keys, seal.NewKeys(rootKey(t, 1))} {
		d, err := k.Open(t.Context(), m, core.Local)
		if err != nil || d.ID() != second.ID() {
			t.Fatal(err)
		}
		opens(t, d, old, true)
		opens(t, d, anew, true)
	}
	opens(t, first, anew, false) // it is sealed with the new key indeed

	third, err := keys.Drop(t.Context(), m, core.Local)
	if err != nil || third.ID() != second.ID() || third.Older() != 0 {
		t.Fatalf("id %s, %d older: %v", third.ID(), third.Older(), err)
	}
	d, err := keys.Open(t.Context(), m, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, d, anew, true)
	opens(t, d, old, false)
	if _, err := keys.Drop(t.Context(), m, core.Local); err != nil {
		t.Fatalf("there is nothing to drop: %v", err)
	}
	d, _ = keys.Open(t.Context(), m, core.Local)
	opens(t, d, anew, true)
}

// After any rotations and drops in any order, what was sealed since the rotation
// before the last drop opens, and nothing else does.
func TestRotations(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, keys := memory{}, seal.NewKeys(rootKey(t, 1))
		d, err := keys.Ensure(t.Context(), m, core.Local)
		if err != nil {
			rt.Fatal(err)
		}
		values, generation, oldest := map[int][]byte{0: sealed(t, d)}, 0, 0
		for _, drop := range rapid.SliceOfN(rapid.Bool(), 1, 8).Draw(rt, "drops") {
			if drop {
				oldest = generation
				d, err = keys.Drop(t.Context(), m, core.Local)
			} else {
				generation++
				d, err = keys.Rotate(t.Context(), m, core.Local)
			}
			if err != nil {
				rt.Fatal(err)
			}
			values[generation] = sealed(t, d)
			if d.Older() != generation-oldest {
				rt.Fatalf("%d older keys, want %d", d.Older(), generation-oldest)
			}
			for g, c := range values {
				opens(t, d, c, g >= oldest)
			}
		}
	})
}

func TestRewrap(t *testing.T) {
	m, keys := memory{}, seal.NewKeys(rootKey(t, 1))
	if _, err := keys.Ensure(t.Context(), m, core.Local); err != nil {
		t.Fatal(err)
	}
	d, err := keys.Rotate(t.Context(), m, core.Local) // a rotation that is under way stays so
	if err != nil {
		t.Fatal(err)
	}
	c, before := sealed(t, d), m[core.Local]
	after, err := keys.Rewrap(before, rootKey(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	if after.ID != before.ID || after.RootKeyID != rootKey(t, 2).ID() || !after.CreatedAt.Equal(before.CreatedAt) {
		t.Fatalf("%+v", after)
	}
	next := memory{core.Local: after}
	d, err = seal.NewKeys(rootKey(t, 2)).Open(t.Context(), next, core.Local)
	if err != nil || d.Older() != 1 {
		t.Fatal(err)
	}
	opens(t, d, c, true)
	_, err = keys.Open(t.Context(), next, core.Local)
	wantReason(t, err, core.Unavailable, seal.ReasonWrongRoot)
	_, err = keys.Rewrap(after, rootKey(t, 3))
	wantReason(t, err, core.Unavailable, seal.ReasonWrongRoot)
	forged := before
	forged.Owner = core.Org
	_, err = keys.Rewrap(forged, rootKey(t, 2))
	wantReason(t, err, core.Internal, seal.ReasonMismatch)
}

func TestRotateNeedsAKey(t *testing.T) {
	m, keys := memory{}, seal.NewKeys(rootKey(t, 1))
	for _, edit := range []func(context.Context, seal.KeyReplacer, core.Owner) (*seal.DataKey, error){keys.Rotate, keys.Drop} {
		_, err := edit(t.Context(), m, core.Local)
		wantReason(t, err, core.NotFound, "")
	}
	if _, err := keys.Ensure(t.Context(), m, core.Local); err != nil {
		t.Fatal(err)
	}
	before := m[core.Local]
	wrong := seal.NewKeys(rootKey(t, 2))
	for _, edit := range []func(context.Context, seal.KeyReplacer, core.Owner) (*seal.DataKey, error){wrong.Rotate, wrong.Drop} {
		_, err := edit(t.Context(), m, core.Local)
		wantReason(t, err, core.Unavailable, seal.ReasonWrongRoot)
	}
	if m[core.Local].ID != before.ID {
		t.Fatal("the key was replaced")
	}
}

func sealed(t testing.TB, d *seal.DataKey) []byte {
	t.Helper()
	c, err := d.Seal(place, secret.FromString("v"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func opens(t testing.TB, d *seal.DataKey, c []byte, want bool) {
	t.Helper()
	v, err := d.Open(place, c)
	if want != (err == nil) || (want && !v.Equal(secret.FromString("v"))) {
		t.Fatalf("opens: %v, want %v", err, want)
	}
	if !want && !errors.Is(err, &core.Error{Code: core.Internal, Reason: seal.ReasonMismatch}) {
		t.Fatal(err)
	}
}
