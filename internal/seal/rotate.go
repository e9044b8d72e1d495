package seal

import (
	"bytes"
	"context"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"keyfob/internal/core"
)

// KeyReplacer is a KeyStore, inside a write transaction, in which a data key may
// be replaced. From Key until the end of the transaction no other one changes
// the owner's key.
type KeyReplacer interface {
	KeyStore
	ReplaceKey(ctx context.Context, k core.WrappedKey) error
}

// Older is how many keys the data key opens with beside the one that it seals
// with. It is not 0 from Rotate until Drop.
func (d *DataKey) Older() int { return len(d.all) - 1 }

// Rotate gives the owner's data key a new key to seal with, and a new id. What
// was sealed before still opens, and is told by the KeyID of its record: that is
// another one. Errors are those of Open.
func (k *Keys) Rotate(ctx context.Context, ks KeyReplacer, o core.Owner) (*DataKey, error) {
	w, h, err := k.handle(ctx, ks, o)
	if err != nil {
		return nil, err
	}
	w.ID, w.CreatedAt = core.NewID("key"), time.Now()
	return k.replace(ctx, ks, w, h, addPrimary)
}

// Drop leaves the data key the one key that it seals with. The id stays. What
// the others sealed does not open again, so no record may be left that does not
// have this id as its KeyID.
func (k *Keys) Drop(ctx context.Context, ks KeyReplacer, o core.Owner) (*DataKey, error) {
	w, h, err := k.handle(ctx, ks, o)
	if err != nil {
		return nil, err
	}
	return k.replace(ctx, ks, w, h, onlyPrimary)
}

// Rewrap wraps a data key, which this root key wrapped, with another one. Errors
// are those of Open.
func (k *Keys) Rewrap(w core.WrappedKey, to RootKey) (core.WrappedKey, error) {
	root := k.rootKey()
	if _, err := root.unwrap(w); err != nil {
		return core.WrappedKey{}, err
	}
	h, err := readKeyset(root, w)
	if err != nil {
		return core.WrappedKey{}, mismatch("the data key of "+w.Owner.String(), err)
	}
	w.RootKeyID = to.id
	w.Wrapped, err = to.wrapKeyset(w, h)
	return w, err
}

// handle is the owner's keyset, after every check that Open makes.
func (k *Keys) handle(ctx context.Context, ks KeyStore, o core.Owner) (core.WrappedKey, *keyset.Handle, error) {
	if _, err := k.Open(ctx, ks, o); err != nil {
		return core.WrappedKey{}, nil, err
	}
	w, err := ks.Key(ctx, o)
	if err != nil {
		return core.WrappedKey{}, nil, err
	}
	h, err := readKeyset(k.rootKey(), w)
	if err != nil {
		return core.WrappedKey{}, nil, mismatch("the data key of "+o.String(), err)
	}
	return w, h, nil
}

// replace stores an edited keyset. It remembers nothing: the transaction may yet
// be rolled back.
func (k *Keys) replace(ctx context.Context, ks KeyReplacer, w core.WrappedKey, h *keyset.Handle, edit func(*keyset.Manager, *keyset.Handle) error) (*DataKey, error) {
	m := keyset.NewManagerFromHandle(h)
	err := edit(m, h)
	if err == nil {
		h, err = m.Handle()
	}
	if err != nil {
		return nil, core.Errorf(core.Internal, "cannot make a data key").Wrap(err)
	}
	if w.Wrapped, err = k.rootKey().wrapKeyset(w, h); err != nil {
		return nil, err
	}
	d, err := newDataKey(w, h)
	if err != nil {
		return nil, core.Errorf(core.Internal, "cannot make a data key").Wrap(err)
	}
	return d, ks.ReplaceKey(ctx, w)
}

func addPrimary(m *keyset.Manager, _ *keyset.Handle) error {
	params, err := parameters(aesgcm.VariantTink)
	if err != nil {
		return err
	}
	id, err := m.AddNewKeyFromParameters(params)
	if err != nil {
		return err
	}
	return m.SetPrimary(id)
}

func onlyPrimary(m *keyset.Manager, h *keyset.Handle) error {
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return err
		}
		if e.IsPrimary() {
			continue
		}
		if err := m.Delete(e.KeyID()); err != nil {
			return err
		}
	}
	return nil
}

// wrapKeyset is the wrapped form of the data key that w names.
func (r RootKey) wrapKeyset(w core.WrappedKey, h *keyset.Handle) ([]byte, error) {
	if r.wrap == nil {
		return nil, core.Errorf(core.Unavailable, "no root key is open").WithHint("open the vault first")
	}
	var out bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), r.wrap(), wrapBinding(w)); err != nil {
		return nil, core.Errorf(core.Internal, "cannot wrap a data key").Wrap(err)
	}
	return out.Bytes(), nil
}
