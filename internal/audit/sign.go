package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"keyfob/internal/core"
)

// Signer signs checkpoints and exports with Ed25519 (RFC 8032). The zero value
// signs nothing. The private key sits behind a closure, so that no way of
// printing a Signer gives it.
type Signer struct {
	id     string
	public ed25519.PublicKey
	sign   func([]byte) []byte
}

// NewSigner signs with this key; without one it is the zero value.
func NewSigner(key ed25519.PrivateKey) Signer {
	if len(key) != ed25519.PrivateKeySize {
		return Signer{}
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return Signer{id: KeyID(public), public: public, sign: func(b []byte) []byte { return ed25519.Sign(key, b) }}
}

// KeyID is the id of the signer's public key; empty for the zero value.
func (s Signer) KeyID() string { return s.id }

// Public is the key by which anybody can verify; nil for the zero value.
func (s Signer) Public() ed25519.PublicKey { return s.public }

// IsZero says whether it signs nothing.
func (s Signer) IsZero() bool { return s.sign == nil }

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
		Number: last.Number + 1, At: at.UTC().Truncate(time.Microsecond), Heads: heads, PrevHash: last.Hash, KeyID: s.id,
	}
	c.Hash = CheckpointHash(c)
	c.Signature = s.sign(c.Hash)
	return c
}

// Made says whether this signer's key signed the checkpoint, as it stands.
func (s Signer) Made(c core.Checkpoint) bool { return c.KeyID == s.id && signed(s.public, c) }

func signed(key ed25519.PublicKey, c core.Checkpoint) bool {
	return len(key) == ed25519.PublicKeySize && string(c.Hash) == string(CheckpointHash(c)) && ed25519.Verify(key, c.Hash, c.Signature)
}
