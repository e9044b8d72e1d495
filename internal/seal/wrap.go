package seal

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"keyfob/internal/core"
)

// generate makes the data key that w names, and its wrapped form.
func (r RootKey) generate(w core.WrappedKey) (*DataKey, []byte, error) {
	h, err := newKeyset()
	if err != nil {
		return nil, nil, core.Errorf(core.Internal, "cannot make a data key").Wrap(err)
	}
	wrapped, err := r.wrapKeyset(w, h)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDataKey(w, h)
	return d, wrapped, err
}

func (r RootKey) unwrap(w core.WrappedKey) (*DataKey, error) {
	if r.wrap == nil {
		return nil, core.Errorf(core.Unavailable, "no root key is open").WithHint("open the vault first")
	}
	if w.RootKeyID != r.id {
		return nil, wrongRoot(w, r.id)
	}
	h, err := readKeyset(r, w)
	if err != nil {
		return nil, mismatch("the data key of "+w.Owner.String(), err)
	}
	d, err := newDataKey(w, h)
	if err != nil {
		return nil, mismatch("the data key of "+w.Owner.String(), err)
	}
	return d, nil
}

func readKeyset(r RootKey, w core.WrappedKey) (*keyset.Handle, error) {
	return keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(w.Wrapped)), r.wrap(), wrapBinding(w))
}

// newKeyset avoids Tink's package aead: it registers every kind of key and the
// KMS clients at start, of which nothing is used here.
func newKeyset() (*keyset.Handle, error) {
	m := keyset.NewManager()
	if err := addPrimary(m, nil); err != nil {
		return nil, err
	}
	return m.Handle()
}

func newDataKey(w core.WrappedKey, h *keyset.Handle) (*DataKey, error) {
	d := &DataKey{id: w.ID, owner: w.Owner}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, err
		}
		if err := d.add(e); err != nil {
			return nil, err
		}
	}
	if d.primary == nil {
		return nil, errors.New("the data key has no primary key")
	}
	return d, nil
}

func (d *DataKey) add(e *keyset.Entry) error {
	k, ok := e.Key().(*aesgcm.Key)
	if !ok {
		return fmt.Errorf("the data key holds a %T", e.Key())
	}
	if e.KeyStatus() != keyset.Enabled {
		return nil
	}
	a, err := aesgcm.NewAEAD(k)
	if err != nil {
		return err
	}
	d.all = append(d.all, a)
	if e.IsPrimary() {
		d.primary = a
	}
	return nil
}
