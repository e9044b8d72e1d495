package identity_test

import (
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

// BenchmarkBearer is what each request pays to know who asks; BenchmarkDirectRead
// is the same two rows without it.
func BenchmarkBearer(b *testing.B) {
	f := newFixture(b, identity.Config{})
	f.user(b, "anna", "")
	_, s := f.token(b, "anna", core.SecretsRead)
	for b.Loop() {
		if _, err := f.Bearer(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDirectRead(b *testing.B) {
	f := newFixture(b, identity.Config{})
	f.user(b, "anna", "")
	_, s := f.token(b, "anna", core.SecretsRead)
	digest := core.TokenDigest(s)
	for b.Loop() {
		err := f.Store.View(b.Context(), func(tx store.Tx) error {
			t, err := tx.Tokens().ByDigest(b.Context(), digest)
			if err != nil {
				return err
			}
			_, err = tx.Users().Get(b.Context(), t.UserID)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVouched is the same behind a proxy.
func BenchmarkVouched(b *testing.B) {
	f := newFixture(b, identity.Config{})
	for b.Loop() {
		if _, err := f.Vouched(b.Context(), "anna", "anna@example.org"); err != nil {
			b.Fatal(err)
		}
	}
}
