package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// The key of a vault must be the same for ever: exports that people keep are
// verified with it. So it stands here, for a root key of 32 bytes 7.
func TestAuditKeyIsStable(t *testing.T) {
	root := rootOf(t, bytes.Repeat([]byte{7}, 32))
	public, _ := root.AuditKey().Public().(ed25519.PublicKey)
	const want = "223aaf3426fecba00b98cc7afdfac00e35e94955333def61067287bef573c643"
	if got := hex.EncodeToString(public); got != want {
		t.Errorf("the public key is %s, want %s", got, want)
	}
	other := rootOf(t, bytes.Repeat([]byte{8}, 32))
	if other.AuditKey().Equal(root.AuditKey()) {
		t.Error("two root keys give one key")
	}
}

func TestAuditKeyIsNotPrinted(t *testing.T) {
	root := rootOf(t, bytes.Repeat([]byte{7}, 32))
	key := root.AuditKey()
	for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
		printed := fmt.Sprintf(verb, root)
		if strings.Contains(printed, hex.EncodeToString(key.Seed())) || strings.Contains(printed, fmt.Sprint(key.Seed())) {
			t.Errorf("%s prints the key", verb)
		}
	}
	if (seal.RootKey{}).AuditKey() != nil {
		t.Error("no root key gives a key")
	}
}

func rootOf(t *testing.T, raw []byte) seal.RootKey {
	t.Helper()
	root, err := seal.NewRootKey(secret.New(raw))
	if err != nil {
		t.Fatal(err)
	}
	return root
}
