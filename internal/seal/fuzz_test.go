package seal_test

import (
	"bytes"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

func FuzzOpen(f *testing.F) {
	d := dataKey(f)
	v := secret.FromString("value")
	good, err := d.Seal(place, v)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range [][]byte{good, good[:20], {}, {1}, {2, 1}, bytes.Repeat([]byte{1}, 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, c []byte) {
		got, err := d.Open(place, c)
		if (err == nil) != bytes.Equal(c, good) {
			t.Fatalf("%x: %v", c, err)
		}
		if err == nil && !got.Equal(v) {
			t.Fatal("a wrong value")
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	m := memory{}
	keys := seal.NewKeys(rootKey(f, 1))
	d, err := keys.Ensure(f.Context(), m, core.Local)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := d.Seal(place, secret.FromString("value"))
	if err != nil {
		f.Fatal(err)
	}
	w := m[core.Local]
	f.Add(w.Wrapped)
	f.Add(w.Wrapped[:30])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		bad := w
		bad.Wrapped = wrapped
		got, err := keys.Open(t.Context(), memory{core.Local: bad}, core.Local)
		if err != nil {
			return
		}
		if v, err := got.Open(place, sealed); err != nil || !v.Equal(secret.FromString("value")) {
			t.Fatalf("a forged data key opened: %x", wrapped)
		}
	})
}
