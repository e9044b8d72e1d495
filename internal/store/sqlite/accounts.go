package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type accounts struct{ *tx }

// accountColumns are what Update writes: all but the epoch, which belongs to health.
const accountColumns = `id, owner, provider, namespace, label, kind, base_url, quota_group, enabled, position,
	fingerprint, version, value_version, key_id, ciphertext, created_at, updated_at, selector, limit_requests, limit_tokens`

func scanAccount(row scanner) (core.SealedAccount, error) {
	var a core.SealedAccount
	err := row.Scan(&a.ID, owner{&a.Owner}, &a.Provider, &a.Namespace, &a.Label, &a.Kind, &a.BaseURL, &a.QuotaGroup,
		&a.Enabled, &a.Position, &a.Fingerprint, &a.Version, &a.ValueVersion, &a.KeyID, &a.Ciphertext,
		instant{&a.CreatedAt}, instant{&a.UpdatedAt}, object{&a.Selector}, &a.Limit.Requests, &a.Limit.Tokens, &a.Epoch)
	return a, err
}

func accountRecord(a core.SealedAccount) record {
	return record{
		kind: "account", owner: a.Owner, id: a.ID, version: a.Version, columns: accountColumns,
		values: []any{a.ID, ownerText(a.Owner), a.Provider, a.Namespace, a.Label, a.Kind, a.BaseURL, a.QuotaGroup,
			a.Enabled, a.Position, a.Fingerprint, a.Version, a.ValueVersion, a.KeyID, blob(a.Ciphertext),
			micros(a.CreatedAt), micros(a.UpdatedAt), jsonText(a.Selector), a.Limit.Requests, a.Limit.Tokens},
		taken: func() error { return accountTaken(a) },
	}
}

func (r accounts) Get(ctx context.Context, o core.Owner, provider, namespace, label string) (core.SealedAccount, error) {
	ref := core.Account{Provider: provider, Namespace: namespace, Label: label}.Ref()
	return one(ctx, r.tx, "there is no account "+ref, scanAccount,
		`SELECT `+accountColumns+`, epoch FROM account WHERE owner = ? AND provider = ? AND namespace = ? AND label = ?`,
		ownerText(o), provider, namespace, label)
}

func (r accounts) ByID(ctx context.Context, id string) (core.SealedAccount, error) {
	return one(ctx, r.tx, "the account is gone", scanAccount, `SELECT `+accountColumns+`, epoch FROM account WHERE id = ?`, id)
}

func (r accounts) List(ctx context.Context, o core.Owner) ([]core.SealedAccount, error) {
	return all(ctx, r.tx, scanAccount,
		`SELECT `+accountColumns+`, epoch FROM account WHERE owner = ? ORDER BY provider, namespace, position, label`, ownerText(o))
}

func (r accounts) Create(ctx context.Context, a core.SealedAccount) error {
	rec := accountRecord(a)
	rec.columns, rec.values = rec.columns+`, epoch`, append(rec.values, a.Epoch)
	return r.create(ctx, rec)
}

func (r accounts) Update(ctx context.Context, a core.SealedAccount, expect int64) error {
	a.Version = expect + 1
	return r.replace(ctx, accountRecord(a), expect)
}

// Delete takes the account's health with it, by the foreign key.
func (r accounts) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "account", id, expect)
}

func accountTaken(a core.SealedAccount) error {
	return core.Errorf(core.Conflict, "there is an account %s already", a.Ref()).WithField("label").
		WithHint("choose another label, or change the one that is there")
}
