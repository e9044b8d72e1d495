package seal

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"keyfob/internal/core"
)

// KeyStore keeps the owners' wrapped data keys, inside the transaction it was
// taken from. Key gives a *core.Error of code not_found where the owner has none.
type KeyStore interface {
	Key(ctx context.Context, o core.Owner) (core.WrappedKey, error)
	PutKey(ctx context.Context, k core.WrappedKey) error
}

// Keys opens owners' data keys. It is safe for concurrent use.
//
// The store is asked each time, and only the unwrapping is remembered, by the
// wrapped bytes: so a key that a transaction made and rolled back is never used
// again, and one that another process replaced or deleted is noticed at once.
type Keys struct {
	mu     sync.Mutex // guards what is below
	root   RootKey
	opened map[core.Owner]openedKey
}

type openedKey struct {
	wrapped []byte
	key     *DataKey
}

// NewKeys opens data keys with this root key.
func NewKeys(root RootKey) *Keys {
	return &Keys{root: root, opened: map[core.Owner]openedKey{}}
}

// RootKeyID is the id of the root key.
func (k *Keys) RootKeyID() string { return k.rootKey().id }

// Use opens data keys with another root key from now on, once they are wrapped
// with it.
func (k *Keys) Use(root RootKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.root = root
	clear(k.opened)
}

func (k *Keys) rootKey() RootKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.root
}

// Open gives the owner's data key. Errors: not_found where the owner has none,
// unavailable with reason "root_key_mismatch" where another root key wrapped it,
// internal with reason "sealed_mismatch" where it does not open.
func (k *Keys) Open(ctx context.Context, ks KeyStore, o core.Owner) (*DataKey, error) {
	w, err := ks.Key(ctx, o)
	if core.CodeOf(err) == core.NotFound {
		return nil, core.Errorf(core.NotFound, "%s has no data key", o).
			WithHint("what was sealed with one that is gone does not open again: restore the database from a backup").Wrap(err)
	}
	if err != nil {
		return nil, err
	}
	if w.Owner != o {
		return nil, mismatch("the data key of "+o.String(), errors.New("it is stored under another owner"))
	}
	if d := k.known(w); d != nil {
		return d, nil
	}
	d, err := k.rootKey().unwrap(w)
	if err != nil {
		return nil, err
	}
	k.remember(w, d)
	return d, nil
}

// Ensure is Open, but makes and stores a data key where the owner has none. ks
// must belong to a write transaction: the key is as durable as that is.
func (k *Keys) Ensure(ctx context.Context, ks KeyStore, o core.Owner) (*DataKey, error) {
	d, err := k.Open(ctx, ks, o)
	if core.CodeOf(err) != core.NotFound {
		return d, err
	}
	root := k.rootKey()
	w := core.WrappedKey{ID: core.NewID("key"), Owner: o, RootKeyID: root.id, CreatedAt: time.Now()}
	d, w.Wrapped, err = root.generate(w)
	if err != nil {
		return nil, err
	}
	if err := ks.PutKey(ctx, w); err != nil {
		return nil, err
	}
	return d, nil
}

// Forget drops what is remembered of an owner's data key.
func (k *Keys) Forget(o core.Owner) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.opened, o)
}

func (k *Keys) known(w core.WrappedKey) *DataKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.opened[w.Owner]
	if !ok || e.key.id != w.ID || w.RootKeyID != k.root.id || !bytes.Equal(e.wrapped, w.Wrapped) {
		return nil
	}
	return e.key
}

func (k *Keys) remember(w core.WrappedKey, d *DataKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opened[w.Owner] = openedKey{wrapped: bytes.Clone(w.Wrapped), key: d}
}
