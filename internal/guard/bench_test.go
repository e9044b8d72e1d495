package guard_test

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// One guarded change, with its entry and what is signed with it.
func BenchmarkDo(b *testing.B) {
	k := guardtest.New(b)
	act := guard.Act{Action: guard.SecretUpdate, Subject: "secret:a"}
	for b.Loop() {
		err := k.Guard.Do(b.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}
