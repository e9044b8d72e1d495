package seal

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"keyfob/internal/core"
	"keyfob/internal/custody"
	"keyfob/internal/secret"
)

// RootKey wraps data keys. It holds what is derived from the root key, behind a
// closure, so that no way of printing it gives key bytes.
type RootKey struct {
	id    string
	wrap  func() tink.AEAD
	audit func() ed25519.PrivateKey // see AuditKey
	label string                    // see Label
}

// NewRootKey takes the 32 bytes that custody gave; any other length is an error
// of code invalid.
func NewRootKey(s secret.Secret) (RootKey, error) {
	if s.Len() != custody.KeySize {
		return RootKey{}, core.Errorf(core.Invalid, "a root key is %d bytes, this one is %d", custody.KeySize, s.Len()).
			WithHint("restore the root key this vault was made with")
	}
	raw := s.Reveal()
	defer clear(raw)
	kek, err := derive(raw, "keyfob/v1/wrap", 32)
	if err != nil {
		return RootKey{}, err
	}
	id, err := derive(raw, "keyfob/v1/root-key-id", 16)
	if err != nil {
		return RootKey{}, err
	}
	aead, err := newAEAD(kek)
	if err != nil {
		return RootKey{}, err
	}
	audit, err := auditKey(raw)
	if err != nil {
		return RootKey{}, err
	}
	label, err := derive(raw, "keyfob/v1/pages-label", 16)
	if err != nil {
		return RootKey{}, err
	}
	return RootKey{id: hex.EncodeToString(id), wrap: func() tink.AEAD { return aead }, audit: audit, label: hex.EncodeToString(label)}, nil
}

// ID is a stable name of the key. It is derived by a one-way function, so it may
// be stored and shown.
func (r RootKey) ID() string { return r.id }

// Label is 32 characters that are this vault's own, fit for a name of a host, and
// known to nobody who has not the root key or was told. They are the same at
// every start.
func (r RootKey) Label() string { return r.label }

func derive(root []byte, info string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, root, nil, info, n)
	if err != nil {
		return nil, core.Errorf(core.Internal, "cannot derive from the root key").Wrap(err)
	}
	return b, nil
}

func newAEAD(key []byte) (tink.AEAD, error) {
	params, err := parameters(aesgcm.VariantNoPrefix)
	if err != nil {
		return nil, err
	}
	k, err := aesgcm.NewKey(secretdata.NewBytesFromData(key, insecuresecretdataaccess.Token{}), 0, params)
	if err != nil {
		return nil, fmt.Errorf("make the wrapping key: %w", err)
	}
	return aesgcm.NewAEAD(k)
}

func parameters(v aesgcm.Variant) (*aesgcm.Parameters, error) {
	return aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: 32, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: v,
	})
}
