package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type vault struct{ *tx }

func (v vault) Header(ctx context.Context) (core.Header, error) {
	var h core.Header
	err := v.one(ctx, "there is no vault yet", func(row scanner) error {
		return row.Scan(&h.Custody, &h.RootKeyID, instant{&h.CreatedAt})
	}, `SELECT custody, root_key_id, created_at FROM vault`)
	return h, err
}

func (v vault) SetHeader(ctx context.Context, h core.Header) error {
	_, err := v.exec(ctx, `INSERT INTO vault (id, custody, root_key_id, created_at) VALUES (1, ?, ?, ?)`,
		h.Custody, h.RootKeyID, micros(h.CreatedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is a vault already").WithHint("use it; see keyfob vault status")
	}
	return v.changed(err, "header", core.Owner{}, "")
}

func (v vault) Key(ctx context.Context, o core.Owner) (core.WrappedKey, error) {
	var k core.WrappedKey
	err := v.one(ctx, o.String()+" has no data key yet", func(row scanner) error {
		return row.Scan(owner{&k.Owner}, &k.ID, &k.RootKeyID, &k.Wrapped, instant{&k.CreatedAt})
	}, `SELECT owner, id, root_key_id, wrapped, created_at FROM data_key WHERE owner = ?`, ownerText(o))
	return k, err
}

func (v vault) PutKey(ctx context.Context, k core.WrappedKey) error {
	_, err := v.exec(ctx, `INSERT INTO data_key (owner, id, root_key_id, wrapped, created_at) VALUES (?, ?, ?, ?, ?)`,
		ownerText(k.Owner), k.ID, k.RootKeyID, blob(k.Wrapped), micros(k.CreatedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "%s has a data key already", k.Owner).WithHint("try again: it will be used")
	}
	return v.changed(err, "key", k.Owner, k.ID)
}
