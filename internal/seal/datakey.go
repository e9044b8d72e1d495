package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/tink-crypto/tink-go/v2/tink"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// FormatVersion is the format of what Seal writes, its first byte.
const FormatVersion = 1

// DataKey seals one owner's values. It is safe for concurrent use.
type DataKey struct {
	id      string
	owner   core.Owner
	primary tink.AEAD
	all     []tink.AEAD
}

// ID is the key's id in the store.
func (d *DataKey) ID() string { return d.id }

// Seal closes v for the place that b names. The ciphertext is 34 bytes longer
// than the value. A binding that lacks a part, or names another owner than the
// key's, is an error of code internal.
func (d *DataKey) Seal(b Binding, v secret.Secret) ([]byte, error) {
	if err := d.check(b); err != nil {
		return nil, core.Errorf(core.Internal, "cannot seal %s", b.subject()).Wrap(err)
	}
	plain := v.Reveal()
	defer clear(plain)
	c, err := d.primary.Encrypt(plain, b.associatedData())
	if err != nil {
		return nil, core.Errorf(core.Internal, "cannot seal %s", b.subject()).Wrap(err)
	}
	return append([]byte{FormatVersion}, c...), nil
}

// Open gives the value back, or an error of code internal and reason
// "sealed_mismatch" where the ciphertext was not sealed with this key for this
// very place. It never gives a wrong value.
func (d *DataKey) Open(b Binding, ciphertext []byte) (secret.Secret, error) {
	if err := d.check(b); err != nil {
		return secret.Secret{}, mismatch(b.subject(), err)
	}
	if len(ciphertext) == 0 {
		return secret.Secret{}, mismatch(b.subject(), errors.New("the ciphertext is empty"))
	}
	if ciphertext[0] != FormatVersion {
		return secret.Secret{}, mismatch(b.subject(), errors.New("the ciphertext is of an unknown format"))
	}
	ad := b.associatedData()
	for _, a := range d.all {
		if plain, err := a.Decrypt(ciphertext[1:], ad); err == nil {
			defer clear(plain)
			return secret.New(plain), nil
		}
	}
	return secret.Secret{}, mismatch(b.subject(), errors.New("authentication failed"))
}

// Digest is the SHA-256 of a ciphertext in lower-case hex. It says nothing about
// the value and tells two ciphertexts apart, so it stands in audit entries.
func Digest(ciphertext []byte) string {
	sum := sha256.Sum256(ciphertext)
	return hex.EncodeToString(sum[:])
}
