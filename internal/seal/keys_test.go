package seal_test

import (
	"bytes"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

func TestRootKeySize(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := seal.NewRootKey(secret.New(make([]byte, n))); core.CodeOf(err) != core.Invalid {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestRootKeyID(t *testing.T) {
	a, b := rootKey(t, 1), rootKey(t, 2)
	if a.ID() == b.ID() || a.ID() != rootKey(t, 1).ID() || len(a.ID()) != 32 {
		t.Fatalf("%q and %q", a.ID(), b.ID())
	}
	// Stored in every vault's header: it must never change.
	if want := "b16e0673265f8e58d1e76d83fbed2439"; a.ID() != want {
		t.Fatalf("the id of 32 bytes 0x01 is %s, was %s", a.ID(), want)
	}
}

// A data key whose row is gone was an error without a hint.
func TestOpenMissing(t *testing.T) {
	_, err := seal.NewKeys(rootKey(t, 1)).Open(t.Context(), memory{}, core.Local)
	wantReason(t, err, core.NotFound, "")
}

func TestAnotherRootKey(t *testing.T) {
	m := memory{}
	if _, err := seal.NewKeys(rootKey(t, 1)).Ensure(t.Context(), m, core.Local); err != nil {
		t.Fatal(err)
	}
	before := m[core.Local]
	other := seal.NewKeys(rootKey(t, 2))
	_, err := other.Open(t.Context(), m, core.Local)
	wantReason(t, err, core.Unavailable, seal.ReasonWrongRoot)
	_, err = other.Ensure(t.Context(), m, core.Local)
	wantReason(t, err, core.Unavailable, seal.ReasonWrongRoot)
	if !bytes.Equal(m[core.Local].Wrapped, before.Wrapped) {
		t.Fatal("the wrapped key was replaced")
	}

	forged := before
	forged.RootKeyID = rootKey(t, 2).ID()
	_, err = other.Open(t.Context(), memory{core.Local: forged}, core.Local)
	wantReason(t, err, core.Internal, seal.ReasonMismatch)
}

func TestEveryFlippedByteOfAWrappedKey(t *testing.T) {
	m := memory{}
	keys := seal.NewKeys(rootKey(t, 1))
	d, err := keys.Ensure(t.Context(), m, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Seal(place, secret.FromString("v"))
	if err != nil {
		t.Fatal(err)
	}
	w := m[core.Local]
	for i := range w.Wrapped {
		bad := w
		bad.Wrapped = bytes.Clone(w.Wrapped)
		bad.Wrapped[i] ^= 1
		got, err := keys.Open(t.Context(), memory{core.Local: bad}, core.Local)
		if err != nil {
			wantReason(t, err, core.Internal, seal.ReasonMismatch)
			continue
		}
		// Tink keeps unauthenticated notes (key id, status) beside the encrypted
		// keyset and does not read them; what opened must be the very key.
		if v, err := got.Open(place, c); err != nil || !v.Equal(secret.FromString("v")) {
			t.Fatalf("byte %d flipped: another key opened: %v", i, err)
		}
	}
}

func TestRolledBackKeyIsNotUsed(t *testing.T) {
	keys, stored := seal.NewKeys(rootKey(t, 1)), memory{}
	rolledBack := memory{}
	lost, err := keys.Ensure(t.Context(), rolledBack, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := keys.Ensure(t.Context(), rolledBack, core.Local); err != nil || again.ID() != lost.ID() {
		t.Fatalf("the same transaction made a second key: %v", err)
	}
	kept, err := keys.Ensure(t.Context(), stored, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	if kept.ID() == lost.ID() || stored[core.Local].ID != kept.ID() {
		t.Fatal("a key that was never stored is in use")
	}
}

func TestReplacedKeyIsNoticed(t *testing.T) {
	keys, m := seal.NewKeys(rootKey(t, 1)), memory{}
	first, _ := keys.Ensure(t.Context(), m, core.Local)
	if a, _ := keys.Open(t.Context(), m, core.Local); a.ID() != first.ID() {
		t.Fatal("another key")
	}
	delete(m, core.Local)
	if _, err := keys.Open(t.Context(), m, core.Local); core.CodeOf(err) != core.NotFound {
		t.Fatalf("a deleted key still opens: %v", err)
	}
	second, _ := seal.NewKeys(rootKey(t, 1)).Ensure(t.Context(), m, core.Local)
	if a, err := keys.Open(t.Context(), m, core.Local); err != nil || a.ID() != second.ID() {
		t.Fatalf("the new key is not seen: %v", err)
	}
}

func TestKeysConcurrently(t *testing.T) {
	keys, m := seal.NewKeys(rootKey(t, 1)), memory{}
	if _, err := keys.Ensure(t.Context(), m, core.Local); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			d, err := keys.Open(t.Context(), m, core.Local)
			if err != nil {
				t.Error(err)
				return
			}
			c, _ := d.Seal(place, secret.FromString("v"))
			if v, err := d.Open(place, c); err != nil || !v.Equal(secret.FromString("v")) {
				t.Error(err)
			}
			keys.Forget(core.Local)
		})
	}
	wg.Wait()
}

func BenchmarkOpen(b *testing.B) {
	d := dataKey(b)
	c, _ := d.Seal(place, secret.New(make([]byte, 100)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Open(place, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnwrap(b *testing.B) {
	keys, m := seal.NewKeys(rootKey(b, 1)), memory{}
	_, _ = keys.Ensure(b.Context(), m, core.Local)
	b.ReportAllocs()
	for b.Loop() {
		keys.Forget(core.Local)
		if _, err := keys.Open(b.Context(), m, core.Local); err != nil {
			b.Fatal(err)
		}
	}
}
