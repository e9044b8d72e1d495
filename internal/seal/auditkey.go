package seal

import (
	"crypto/ed25519"
	"sync"
)

// AuditKey is the key that signs checkpoints of the audit trail, Ed25519
// (RFC 8032) with the seed that is derived for it. Whoever has the root key has
// this one, and nobody else; nil for the zero RootKey.
func (r RootKey) AuditKey() ed25519.PrivateKey {
	if r.audit == nil {
		return nil
	}
	return r.audit()
}

func auditKey(root []byte) (func() ed25519.PrivateKey, error) {
	seed, err := derive(root, "keyfob/v1/audit-checkpoint", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed) }), nil
}
