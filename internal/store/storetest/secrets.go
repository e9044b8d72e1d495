package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func getSecret(o core.Owner, name string) func(context.Context, store.Tx) (core.SealedSecret, error) {
	return func(ctx context.Context, tx store.Tx) (core.SealedSecret, error) {
		return tx.Secrets().Get(ctx, o, name)
	}
}

func sampleSecret(id, name string, o core.Owner, version int64) core.SealedSecret {
	x := Secret(id)
	x.Name, x.Owner, x.Version = name, o, version
	return x
}

var testSecrets = testNamed("secret", store.Tx.Secrets, sampleSecret,
	core.SealedSecret{Secret: core.Secret{ID: "a", Owner: core.Local, Name: "Z", Version: 1, CreatedAt: at(1)}, KeyID: "key_1", Ciphertext: []byte{2}},
	core.SealedSecret{Secret: core.Secret{ID: "b", Owner: core.Local, Name: "renamed", Version: 2, ValueVersion: 2, CreatedAt: at(1), UpdatedAt: at(9)}, KeyID: "key_2", Ciphertext: []byte{1}})

func testSecretList(t *testing.T, s suite) {
	var all []core.SealedSecret
	for i, name := range []string{"b", "B", "a_", "a", "é", "Z", "a!"} {
		x := Secret(string(rune('p' + i)))
		x.Name = name
		all = append(all, x)
	}
	foreign := Secret("foreign")
	foreign.Owner, foreign.Name = other, "a"
	s.do(t, add(store.Tx.Secrets, append(all, foreign)...))
	var names []string
	for _, x := range read(t, s, list(store.Tx.Secrets, core.Local)) {
		names = append(names, x.Name)
	}
	same(t, []string{"B", "Z", "a", "a!", "a_", "b", "é"}, names)
	same(t, []core.SealedSecret{foreign}, read(t, s, list(store.Tx.Secrets, other)))
	if got := read(t, s, list(store.Tx.Secrets, core.Owner{Kind: core.UserOwner, ID: "nobody"})); len(got) != 0 {
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
		s.do(t, add(store.Tx.Secrets, x))
		same(t, x, read(t, s, getSecret(core.Local, x.Name)))
	}
}
