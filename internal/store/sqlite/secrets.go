package sqlite

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type secrets struct{ *tx }

const secretColumns = `id, owner, name, description, enabled, env, file, lookup, selector, size, version, value_version,
	key_id, created_at, updated_at`

const sealedColumns = secretColumns + `, ciphertext`

// scanSecret scans secretColumns and what more says.
func scanSecret(row scanner, s *core.SealedSecret, more ...any) error {
	return row.Scan(append([]any{&s.ID, owner{&s.Owner}, &s.Name, &s.Description, &s.Enabled, &s.Env, &s.File, &s.Lookup,
		object{&s.Selector}, &s.Size, &s.Version, &s.ValueVersion, &s.KeyID, instant{&s.CreatedAt}, instant{&s.UpdatedAt}}, more...)...)
}

func scanSealed(row scanner) (s core.SealedSecret, err error) {
	err = scanSecret(row, &s, &s.Ciphertext)
	return s, err
}

func secretRecord(s core.SealedSecret) record {
	return record{
		kind: "secret", owner: s.Owner, id: s.ID, version: s.Version, columns: sealedColumns,
		values: []any{s.ID, ownerText(s.Owner), s.Name, s.Description, s.Enabled, s.Env, s.File, s.Lookup,
			jsonText(s.Selector), s.Size, s.Version, s.ValueVersion, s.KeyID, micros(s.CreatedAt), micros(s.UpdatedAt),
			blob(s.Ciphertext)},
		taken: func() error { return nameTaken("a secret", s.Name) },
	}
}

func (r secrets) Get(ctx context.Context, o core.Owner, name string) (core.SealedSecret, error) {
	return one(ctx, r.tx, "there is no secret "+name, scanSealed,
		`SELECT `+sealedColumns+` FROM secret WHERE owner = ? AND name = ?`, ownerText(o), name)
}

func (r secrets) ByID(ctx context.Context, id string) (core.SealedSecret, error) {
	return one(ctx, r.tx, "the secret is gone", scanSealed, `SELECT `+sealedColumns+` FROM secret WHERE id = ?`, id)
}

func (r secrets) List(ctx context.Context, o core.Owner) ([]core.SealedSecret, error) {
	return all(ctx, r.tx, scanSealed, `SELECT `+sealedColumns+` FROM secret WHERE owner = ? ORDER BY name`, ownerText(o))
}

func (r secrets) Sealed(ctx context.Context, o core.Owner, except string, p store.Page) ([]core.SealedSecret, error) {
	if err := checkPage(p); err != nil {
		return nil, err
	}
	return all(ctx, r.tx, scanSealed,
		`SELECT `+sealedColumns+` FROM secret WHERE owner = ? AND name > ? AND key_id <> ? ORDER BY name LIMIT ?`,
		ownerText(o), p.After, except, p.Limit)
}

// Page reads no ciphertext: it stands last in its row, so that SQLite does not
// come to the pages that a long one takes.
func (r secrets) Page(ctx context.Context, o core.Owner, p store.Page) ([]core.Secret, error) {
	if err := checkPage(p); err != nil {
		return nil, err
	}
	return all(ctx, r.tx, func(row scanner) (core.Secret, error) {
		var s core.SealedSecret
		err := scanSecret(row, &s)
		return s.Secret, err
	}, `SELECT `+secretColumns+` FROM secret WHERE owner = ? AND name > ? ORDER BY name LIMIT ?`, ownerText(o), p.After, p.Limit)
}

func (r secrets) Create(ctx context.Context, s core.SealedSecret) error {
	return r.create(ctx, secretRecord(s))
}

func (r secrets) Update(ctx context.Context, s core.SealedSecret, expect int64) error {
	s.Version = expect + 1
	return r.replace(ctx, secretRecord(s), expect)
}

func (r secrets) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "secret", id, expect)
}
