package guard_test

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// One guarded change with its entry, and with and without what is signed.
func BenchmarkDo(b *testing.B) {
	k := guardtest.New(b)
	for name, g := range map[string]*guard.Guard{"signed": k.Guard, "unsigned": guard.New(k.Store, "other")} {
		b.Run(name, func(b *testing.B) {
			act := guard.Act{Action: guard.SecretUpdate, Subject: "secret:a"}
			for b.Loop() {
				err := g.Do(b.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same with a record that is written and noted.
func BenchmarkDoWrites(b *testing.B) {
	k := guardtest.New(b)
	act := guard.Act{Action: guard.SecretUpdate, Subject: "secret:N_a"}
	for version := int64(1); b.Loop(); version++ {
		if err := k.Guard.Do(b.Context(), core.LocalUser, act, put("a", version, "ciphertext")); err != nil {
			b.Fatal(err)
		}
	}
}

// The walk over a trail of 10,000 entries.
func BenchmarkVerify(b *testing.B) {
	k := guardtest.New(b)
	longTrail(b, k.Store, 10_000)
	for b.Loop() {
		if _, err := k.Guard.Verify(b.Context(), core.LocalUser); err != nil {
			b.Fatal(err)
		}
	}
}
