package upkeep

import (
	"cmp"
	"context"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

// batch is how many values are in memory at once, and in one transaction.
const batch = 16

// record is a sealed value, whatever it belongs to.
type record struct {
	kind       kind
	key        string // where it stands among its kind, see cursor
	name       string // for people
	keyID      string
	binding    seal.Binding
	ciphertext []byte
	// put stores another ciphertext of the same value, as its next version.
	put func(ctx context.Context, tx store.Tx, keyID string, ciphertext []byte) error
}

type kind int

const (
	secretKind kind = iota
	accountKind
	mcpKind
	endOfKinds
)

func ofSecret(s core.SealedSecret) record {
	r := record{kind: secretKind, key: s.Name, name: "secret " + s.Name, keyID: s.KeyID, binding: seal.SecretBinding(s.Secret), ciphertext: s.Ciphertext}
	r.put = func(ctx context.Context, tx store.Tx, keyID string, ciphertext []byte) error {
		s.ValueVersion, s.KeyID, s.Ciphertext = s.ValueVersion+1, keyID, ciphertext
		return tx.Secrets().Update(ctx, s, s.Version)
	}
	return r
}

func ofAccount(a core.SealedAccount) record {
	r := record{kind: accountKind, key: a.ID, name: "account " + a.Ref(), keyID: a.KeyID, binding: seal.AccountBinding(a.Account), ciphertext: a.Ciphertext}
	r.put = func(ctx context.Context, tx store.Tx, keyID string, ciphertext []byte) error {
		a.ValueVersion, a.KeyID, a.Ciphertext = a.ValueVersion+1, keyID, ciphertext
		return tx.Accounts().Update(ctx, a, a.Version)
	}
	return r
}

func ofMCP(m core.SealedMCPServer) record {
	r := record{kind: mcpKind, key: m.ID, name: "MCP server " + m.Name, keyID: m.KeyID, binding: seal.MCPBinding(m.MCPServer), ciphertext: m.Ciphertext}
	r.put = func(ctx context.Context, tx store.Tx, keyID string, ciphertext []byte) error {
		m.ValueVersion, m.KeyID, m.Ciphertext = m.ValueVersion+1, keyID, ciphertext
		return tx.MCPServers().Update(ctx, m, m.Version)
	}
	return r
}

// reseal seals the value anew with the key, for its next version.
func (r record) reseal(ctx context.Context, tx store.Tx, key *seal.DataKey) error {
	v, err := key.Open(r.binding, r.ciphertext)
	if err != nil {
		return err
	}
	next := r.binding
	next.ValueVersion++
	c, err := key.Seal(next, v)
	if err != nil {
		return err
	}
	return r.put(ctx, tx, key.ID(), c)
}

// cursor is a place among an owner's records: kind by kind, secrets by name and
// the others by id.
type cursor struct {
	kind  kind
	after string
}

// next gives at most batch records behind the cursor that another data key than
// except sealed ("": every one), and the place behind them. None: there are no
// more.
func (c cursor) next(ctx context.Context, tx store.Tx, o core.Owner, except string) ([]record, cursor, error) {
	for ; c.kind < endOfKinds; c = (cursor{kind: c.kind + 1}) {
		page, err := c.page(ctx, tx, o, except)
		if err != nil {
			return nil, c, err
		}
		if n := len(page); n > 0 {
			return page, cursor{c.kind, page[n-1].key}, nil
		}
	}
	return nil, c, nil
}

func (c cursor) page(ctx context.Context, tx store.Tx, o core.Owner, except string) ([]record, error) {
	switch c.kind {
	case secretKind:
		list, err := tx.Secrets().Sealed(ctx, o, except, store.Page{After: c.after, Limit: batch})
		return collect(list, ofSecret), err
	case accountKind:
		list, err := tx.Accounts().List(ctx, o)
		return c.cut(collect(list, ofAccount), except), err
	}
	list, err := tx.MCPServers().List(ctx, o)
	return c.cut(collect(list, ofMCP), except), err
}

func collect[T any](list []T, of func(T) record) []record {
	out := make([]record, 0, len(list))
	for _, x := range list {
		out = append(out, of(x))
	}
	return out
}

// cut is the page of a list that is small as a whole. What has no key has no
// value.
func (c cursor) cut(list []record, except string) []record {
	list = slices.DeleteFunc(list, func(r record) bool { return r.keyID == "" || r.keyID == except || r.key <= c.after })
	slices.SortFunc(list, func(a, b record) int { return cmp.Compare(a.key, b.key) })
	return list[:min(batch, len(list))]
}
