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

func secretValues(s core.SealedSecret) []any {
	return []any{s.ID, ownerText(s.Owner), s.Name, s.Description, s.Enabled, s.Env, s.File, s.Lookup,
		jsonText(s.Selector), s.Size, s.Version, s.ValueVersion, s.KeyID, micros(s.CreatedAt), micros(s.UpdatedAt),
		blob(s.Ciphertext)}
}

func (r secrets) Get(ctx context.Context, o core.Owner, name string) (core.SealedSecret, error) {
	return one(ctx, r.tx, "there is no secret "+name, scanSealed,
		`SELECT `+sealedColumns+` FROM secret WHERE owner = ? AND name = ?`, ownerText(o), name)
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
	if err := newRecord("secret", s.Version); err != nil {
		return err
	}
	_, err := r.exec(ctx, `INSERT INTO secret (`+sealedColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		secretValues(s)...)
	if isUnique(err) {
		return secretTaken(s.Name)
	}
	return r.changed(err, "secret", s.Owner, s.ID)
}

func (r secrets) Update(ctx context.Context, s core.SealedSecret, expect int64) error {
	s.Version = expect + 1
	n, err := r.exec(ctx, `UPDATE secret SET (`+sealedColumns+`) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		WHERE id = ? AND owner = ? AND version = ?`, append(secretValues(s), s.ID, ownerText(s.Owner), expect)...)
	if isUnique(err) {
		return secretTaken(s.Name)
	}
	if err == nil && n == 0 {
		return r.stale(ctx, "secret", s.ID, expect)
	}
	return r.changed(err, "secret", s.Owner, s.ID)
}

func (r secrets) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "secret", id, expect)
}

func secretTaken(name string) error {
	return core.Errorf(core.Conflict, "there is a secret %s already", name).WithField("name").
		WithHint("choose another name, or change the one that is there")
}
