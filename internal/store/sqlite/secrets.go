package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type secrets struct{ *tx }

const secretColumns = `id, owner, name, description, enabled, env, file, lookup, selector, size, version, value_version,
	key_id, ciphertext, created_at, updated_at`

func scanSecret(row scanner) (core.SealedSecret, error) {
	var s core.SealedSecret
	err := row.Scan(&s.ID, owner{&s.Owner}, &s.Name, &s.Description, &s.Enabled, &s.Env, &s.File, &s.Lookup,
		object{&s.Selector}, &s.Size, &s.Version, &s.ValueVersion, &s.KeyID, &s.Ciphertext,
		instant{&s.CreatedAt}, instant{&s.UpdatedAt})
	return s, err
}

func secretValues(s core.SealedSecret) []any {
	return []any{s.ID, ownerText(s.Owner), s.Name, s.Description, s.Enabled, s.Env, s.File, s.Lookup,
		jsonText(s.Selector), s.Size, s.Version, s.ValueVersion, s.KeyID, blob(s.Ciphertext),
		micros(s.CreatedAt), micros(s.UpdatedAt)}
}

func (r secrets) Get(ctx context.Context, o core.Owner, name string) (core.SealedSecret, error) {
	var s core.SealedSecret
	err := r.one(ctx, "there is no secret "+name, func(row scanner) (err error) {
		s, err = scanSecret(row)
		return err
	}, `SELECT `+secretColumns+` FROM secret WHERE owner = ? AND name = ?`, ownerText(o), name)
	return s, err
}

func (r secrets) List(ctx context.Context, o core.Owner) ([]core.SealedSecret, error) {
	var out []core.SealedSecret
	err := r.all(ctx, func(row scanner) error {
		s, err := scanSecret(row)
		out = append(out, s)
		return err
	}, `SELECT `+secretColumns+` FROM secret WHERE owner = ? ORDER BY name`, ownerText(o))
	return out, err
}

func (r secrets) Create(ctx context.Context, s core.SealedSecret) error {
	if s.Version != 1 {
		return core.Errorf(core.Internal, "a new secret must have version 1, not %d", s.Version).WithHint("report this as a defect")
	}
	_, err := r.exec(ctx, `INSERT INTO secret (`+secretColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		secretValues(s)...)
	if isUnique(err) {
		return secretTaken(s.Name)
	}
	return r.changed(err, "secret", s.Owner, s.ID)
}

func (r secrets) Update(ctx context.Context, s core.SealedSecret, expect int64) error {
	s.Version = expect + 1
	n, err := r.exec(ctx, `UPDATE secret SET (`+secretColumns+`) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
