package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"keyfob/internal/core"
)

// Signer signs checkpoints and exports with Ed25519 (RFC 8032). The zero value
// signs nothing. The private key sits behind a closure, so that no way of
// printing a Signer gives it.
type Signer struct {
	key func() signing // nil: the zero value
}

type signing struct {
	id     string
	public ed25519.PublicKey
	sign   func([]byte) []byte
}

// NewSigner signs with the key that this gives. It is asked when the key is first
// needed: to make one costs about as much as opening a store, and most programs
// end before anything is to be signed.
func NewSigner(key func() ed25519.PrivateKey) Signer {
	return Signer{sync.OnceValue(func() signing {
		private := key()
		public, _ := private.Public().(ed25519.PublicKey)
		return signing{KeyID(public), public, func(b []byte) []byte { return ed25519.Sign(private, b) }}
	})}
}

// KeyID is the id of the signer's public key; empty for the zero value.
func (s Signer) KeyID() string { return s.with().id }

// Public is the key by which anybody can verify; nil for the zero value.
func (s Signer) Public() ed25519.PublicKey { return s.with().public }

// IsZero says whether it signs nothing.
func (s Signer) IsZero() bool { return s.key == nil }

func (s Signer) with() signing {
	if s.key == nil {
		return signing{}
	}
	return s.key()
}

// KeyID is a public key's id: the first 16 bytes of its SHA-256, in lower-case
// hex.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// KeyText is a public key in lower-case hex, as ParseKey reads it.
func KeyText(key ed25519.PublicKey) string { return hex.EncodeToString(key) }

// ParseKey reads a public key: 64 hex digits.
func ParseKey(text string) (ed25519.PublicKey, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, core.Errorf(core.Invalid, "that is no public key of an audit trail").WithField("key").
			WithHint("it is 64 hex digits, as GET /v1/audit/key gives it")
	}
	return b, nil
}

// Checkpoint signs the heads of all chains at this moment, after the last
// checkpoint (the zero value before the first). The heads are in order of writer.
func (s Signer) Checkpoint(last core.Checkpoint, heads []core.Head, at time.Time) core.Checkpoint {
	c := core.Checkpoint{
		Number: last.Number + 1, At: at.UTC().Truncate(time.Microsecond), Heads: heads, PrevHash: last.Hash, KeyID: s.KeyID(),
	}
	c.Hash = CheckpointHash(c)
	c.Signature = s.with().sign(c.Hash)
	return c
}

// Made says whether this signer's key signed the checkpoint, as it stands.
func (s Signer) Made(c core.Checkpoint) bool { return c.KeyID == s.KeyID() && signed(s.Public(), c) }

func signed(key ed25519.PublicKey, c core.Checkpoint) bool {
	return len(key) == ed25519.PublicKeySize && string(c.Hash) == string(CheckpointHash(c)) && ed25519.Verify(key, c.Hash, c.Signature)
}
