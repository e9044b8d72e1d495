package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type vault struct{ *tx }

func (v vault) Header(ctx context.Context) (core.Header, error) {
	return one(ctx, v.tx, "there is no vault yet", func(row scanner) (h core.Header, err error) {
		err = row.Scan(&h.Custody, &h.RootKeyID, instant{&h.CreatedAt})
		return h, err
	}, `SELECT custody, root_key_id, created_at FROM vault`)
}

func (v vault) SetHeader(ctx context.Context, h core.Header) error {
	_, err := v.exec(ctx, `INSERT INTO vault (id, custody, root_key_id, created_at) VALUES (1, ?, ?, ?)`,
		h.Custody, h.RootKeyID, micros(h.CreatedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is a vault already").WithHint("use it; see keyfob vault status")
	}
	return v.changed(err, "header", core.Owner{}, "")
}

const keyColumns = `owner, id, root_key_id, wrapped, created_at`

func scanKey(row scanner) (core.WrappedKey, error) {
	var k core.WrappedKey
	err := row.Scan(owner{&k.Owner}, &k.ID, &k.RootKeyID, &k.Wrapped, instant{&k.CreatedAt})
	return k, err
}

func (v vault) Key(ctx context.Context, o core.Owner) (core.WrappedKey, error) {
	return one(ctx, v.tx, o.String()+" has no data key yet", scanKey,
		`SELECT `+keyColumns+` FROM data_key WHERE owner = ?`, ownerText(o))
}

func (v vault) Keys(ctx context.Context) ([]core.WrappedKey, error) {
	return all(ctx, v.tx, scanKey, `SELECT `+keyColumns+` FROM data_key ORDER BY owner`)
}

func (v vault) PutKey(ctx context.Context, k core.WrappedKey) error {
	err := v.insert(ctx, "data_key", keyColumns,
		ownerText(k.Owner), k.ID, k.RootKeyID, blob(k.Wrapped), micros(k.CreatedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "%s has a data key already", k.Owner).WithHint("try again: it will be used")
	}
	return v.changed(err, "key", k.Owner, k.ID)
}

func (v vault) Rewrap(ctx context.Context, h core.Header, keys []core.WrappedKey) error {
	n, err := v.exec(ctx, `UPDATE vault SET custody = ?, root_key_id = ?, created_at = ?`, h.Custody, h.RootKeyID, micros(h.CreatedAt))
	if err == nil && n == 0 {
		return core.Errorf(core.NotFound, "there is no vault yet")
	}
	if err := v.changed(err, "header", core.Owner{}, ""); err != nil {
		return err
	}
	stored, err := v.Keys(ctx)
	if err != nil {
		return err
	}
	if len(stored) != len(keys) {
		return otherKeys()
	}
	given := map[string]core.WrappedKey{}
	for _, k := range keys {
		given[k.ID] = k
	}
	for _, old := range stored {
		k, ok := given[old.ID]
		if !ok || k.Owner != old.Owner {
			return otherKeys()
		}
		if err := v.ReplaceKey(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func otherKeys() error {
	return core.Errorf(core.Conflict, "the data keys were changed meanwhile").WithReason("stale_version").
		WithHint("read them again and retry")
}

func (v vault) ReplaceKey(ctx context.Context, k core.WrappedKey) error {
	n, err := v.exec(ctx, `UPDATE data_key SET id = ?, root_key_id = ?, wrapped = ?, created_at = ? WHERE owner = ?`,
		k.ID, k.RootKeyID, blob(k.Wrapped), micros(k.CreatedAt), ownerText(k.Owner))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "another owner has the data key %s", k.ID).WithHint("report this as a defect")
	}
	if err == nil && n == 0 {
		return core.Errorf(core.NotFound, "%s has no data key yet", k.Owner)
	}
	return v.changed(err, "key", k.Owner, k.ID)
}

func (v vault) Owners(ctx context.Context) ([]core.Owner, error) {
	return all(ctx, v.tx, scanOwner, `SELECT owner FROM secret UNION SELECT owner FROM account UNION SELECT owner FROM mcp_server
		UNION SELECT owner FROM profile UNION SELECT owner FROM pool UNION SELECT owner FROM workspace WHERE ended_at IS NULL
		UNION SELECT 'user:' || user_id FROM token UNION SELECT 'user:' || user_id FROM browser_session ORDER BY owner`)
}
