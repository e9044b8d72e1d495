package guard_test

import (
	"context"
	"fmt"
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

// The same where each entry notes a record that was written again, and what was
// found of it.
func BenchmarkVerifyNotes(b *testing.B) {
	k := guardtest.New(b)
	notedTrail(b, k, 10_000, 500)
	for b.Loop() {
		if v, err := k.Guard.Verify(b.Context(), core.LocalUser); err != nil || !v.OK() {
			b.Fatal(v.Problems, err)
		}
	}
}

// notedTrail makes n entries on so many secrets, in acts that write each once.
func notedTrail(b *testing.B, k guardtest.Kit, n, secrets int64) {
	b.Helper()
	for i := range n {
		version := 1 + i/secrets
		if err := k.Guard.Do(b.Context(), core.LocalUser, set("x"), put(fmt.Sprint(i%secrets), version, "c")); err != nil {
			b.Fatal(err)
		}
	}
}
