package seal_test

import (
	"regexp"
	"testing"

	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// The label is what keeps other servers on this machine from the browser's
// cookie, so nothing that is shown of a vault may give it.
func TestLabelIsTheVaultsOwn(t *testing.T) {
	key := func(b byte) seal.RootKey {
		raw := make([]byte, 32)
		raw[0] = b
		k, err := seal.NewRootKey(secret.New(raw))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	one, two := key(1), key(2)
	if one.Label() != key(1).Label() || one.Label() == two.Label() || one.Label() == one.ID() {
		t.Errorf("labels %q and %q", one.Label(), two.Label())
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(one.Label()) {
		t.Errorf("%q is no part of a host's name", one.Label())
	}
}
