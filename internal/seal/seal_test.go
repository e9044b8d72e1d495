package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// memory is a KeyStore as one transaction sees it.
type memory map[core.Owner]core.WrappedKey

func (m memory) Key(_ context.Context, o core.Owner) (core.WrappedKey, error) {
	if k, ok := m[o]; ok {
		return k, nil
	}
	return core.WrappedKey{}, core.Errorf(core.NotFound, "no key")
}

func (m memory) PutKey(_ context.Context, k core.WrappedKey) error { m[k.Owner] = k; return nil }

func rootKey(t testing.TB, fill byte) seal.RootKey {
	t.Helper()
	r, err := seal.NewRootKey(secret.New(bytes.Repeat([]byte{fill}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func dataKey(t testing.TB) *seal.DataKey {
	t.Helper()
	d, err := seal.NewKeys(rootKey(t, 1)).Ensure(t.Context(), memory{}, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func wantReason(t *testing.T, err error, code core.Code, reason string) {
	t.Helper()
	if !errors.Is(err, &core.Error{Code: code, Reason: reason}) {
		t.Fatalf("error is %v, want %s/%s", err, code, reason)
	}
	e, _ := errors.AsType[*core.Error](err)
	if e.Hint == "" {
		t.Errorf("%v has no hint", err)
	}
}

var place = seal.Binding{Purpose: "account", Record: "acc_1", Name: "work", Field: "credential", Owner: core.Local, ValueVersion: 3, Origin: "https://api.example.com:443"}

func TestSealOpen(t *testing.T) {
	d := dataKey(t)
	for _, n := range []int{0, 1, 15, 16, 17, 1 << 20} {
		v := secret.New(bytes.Repeat([]byte{'x'}, n))
		c, err := d.Seal(place, v)
		if err != nil {
			t.Fatal(err)
		}
		if len(c) != n+34 {
			t.Errorf("a value of %d bytes became %d", n, len(c))
		}
		got, err := d.Open(place, c)
		if err != nil || !got.Equal(v) {
			t.Fatalf("%d bytes do not come back: %v", n, err)
		}
	}
}

func TestSealTwiceDiffers(t *testing.T) {
	d := dataKey(t)
	a, _ := d.Seal(place, secret.FromString("v"))
	b, _ := d.Seal(place, secret.FromString("v"))
	if bytes.Equal(a, b) || seal.Digest(a) == seal.Digest(b) {
		t.Fatal("the same ciphertext twice: the nonce is not random")
	}
}

func TestOpenElsewhere(t *testing.T) {
	d := dataKey(t)
	c, err := d.Seal(place, secret.FromString("canary-value"))
	if err != nil {
		t.Fatal(err)
	}
	moves := map[string]func(*seal.Binding){
		"purpose":       func(b *seal.Binding) { b.Purpose = "secret" },
		"record":        func(b *seal.Binding) { b.Record = "acc_2" },
		"name":          func(b *seal.Binding) { b.Name = "play" },
		"no name":       func(b *seal.Binding) { b.Name = "" },
		"field":         func(b *seal.Binding) { b.Field = "refresh" },
		"owner":         func(b *seal.Binding) { b.Owner.ID = "other" },
		"owner kind":    func(b *seal.Binding) { b.Owner.Kind = core.OrgOwner },
		"older version": func(b *seal.Binding) { b.ValueVersion = 2 },
		"newer version": func(b *seal.Binding) { b.ValueVersion = 4 },
		"no version":    func(b *seal.Binding) { b.ValueVersion = 0 },
		"origin":        func(b *seal.Binding) { b.Origin = "https://evil.example.com:443" },
		"scheme":        func(b *seal.Binding) { b.Origin = "http://api.example.com:443" },
		"no origin":     func(b *seal.Binding) { b.Origin = "" },
		"shifted":       func(b *seal.Binding) { b.Name, b.Field = "workc", "redential" },
	}
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			b := place
			move(&b)
			v, err := d.Open(b, c)
			wantReason(t, err, core.Internal, seal.ReasonMismatch)
			if !v.IsZero() || strings.Contains(err.Error(), "canary-value") {
				t.Fatal("a value came with the error")
			}
		})
	}
}

func TestEveryFlippedBit(t *testing.T) {
	d := dataKey(t)
	c, err := d.Seal(place, secret.FromString("value"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range c {
		for bit := range 8 {
			bad := bytes.Clone(c)
			bad[i] ^= 1 << bit
			_, err := d.Open(place, bad)
			wantReason(t, err, core.Internal, seal.ReasonMismatch)
		}
	}
	for n := range c {
		_, err := d.Open(place, c[:n])
		wantReason(t, err, core.Internal, seal.ReasonMismatch)
	}
}

func TestSealRefusesHalfABinding(t *testing.T) {
	d := dataKey(t)
	for name, cut := range map[string]func(*seal.Binding){
		"purpose": func(b *seal.Binding) { b.Purpose = "" },
		"record":  func(b *seal.Binding) { b.Record = "" },
		"field":   func(b *seal.Binding) { b.Field = "" },
		"owner":   func(b *seal.Binding) { b.Owner = core.Owner{} },
		"version": func(b *seal.Binding) { b.ValueVersion = 0 },
		"origin":  func(b *seal.Binding) { b.Origin = "" },
	} {
		b := place
		cut(&b)
		if _, err := d.Seal(b, secret.FromString("v")); core.CodeOf(err) != core.Internal {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestAnotherOwnersKey(t *testing.T) {
	keys, m := seal.NewKeys(rootKey(t, 1)), memory{}
	other := core.Owner{Kind: core.UserOwner, ID: "other"}
	mine, _ := keys.Ensure(t.Context(), m, core.Local)
	theirs, _ := keys.Ensure(t.Context(), m, other)
	c, err := mine.Seal(place, secret.FromString("v"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = theirs.Open(place, c)
	wantReason(t, err, core.Internal, seal.ReasonMismatch)

	swapped := memory{core.Local: m[other], other: m[core.Local]}
	_, err = keys.Open(t.Context(), swapped, core.Local)
	wantReason(t, err, core.Internal, seal.ReasonMismatch)
	k := m[other]
	k.Owner = core.Local
	_, err = keys.Open(t.Context(), memory{core.Local: k}, core.Local)
	wantReason(t, err, core.Internal, seal.ReasonMismatch)
}

func TestBindingsAreUnambiguous(t *testing.T) {
	d := dataKey(t)
	word := rapid.StringMatching(`[a-c/:]{1,4}`)
	draw := rapid.Custom(func(t *rapid.T) seal.Binding {
		return seal.Binding{
			Purpose: word.Draw(t, "purpose"), Record: word.Draw(t, "record"), Name: word.Draw(t, "name"), Field: word.Draw(t, "field"),
			Owner: core.Local, ValueVersion: rapid.Int64Range(1, 3).Draw(t, "version"), Origin: word.Draw(t, "origin"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		c, err := d.Seal(a, secret.FromString("v"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Open(b, c); (err == nil) != (a == b) {
			t.Fatalf("sealed for %+v, opened for %+v: %v", a, b, err)
		}
	})
}

func TestDigest(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := seal.Digest(nil); got != empty {
		t.Fatal(got)
	}
}

func TestNothingPrintsKeys(t *testing.T) {
	raw := bytes.Repeat([]byte("K"), 32)
	r, err := seal.NewRootKey(secret.New(raw))
	if err != nil {
		t.Fatal(err)
	}
	keys := seal.NewKeys(r)
	d, err := keys.Ensure(t.Context(), memory{}, core.Local)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{r, &r, keys, d, *d} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, "KKKK") || strings.Contains(out, "4b4b4b4b") || strings.Contains(out, "75, 75, 75") {
				t.Errorf("%s of %T prints the key", verb, v)
			}
		}
	}
}
