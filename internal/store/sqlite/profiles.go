package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type profiles struct{ *tx }

const profileColumns = `id, owner, name, model, provider, namespace, parameters, active, version, created_at, updated_at`

func scanProfile(row scanner) (core.Profile, error) {
	var p core.Profile
	err := row.Scan(&p.ID, owner{&p.Owner}, &p.Name, &p.Model, &p.Provider, &p.Namespace, &p.Parameters, &p.Active, &p.Version,
		instant{&p.CreatedAt}, instant{&p.UpdatedAt})
	return p, err
}

func (r profiles) record(ctx context.Context, p core.Profile) record {
	return record{
		kind: "profile", owner: p.Owner, id: p.ID, version: p.Version, columns: profileColumns,
		values: []any{p.ID, ownerText(p.Owner), p.Name, p.Model, p.Provider, p.Namespace, digestOrNull(p.Parameters), p.Active, p.Version,
			micros(p.CreatedAt), micros(p.UpdatedAt)},
		taken: func() error { return r.taken(ctx, p) },
	}
}

func (r profiles) find(ctx context.Context, missing, where string, args ...any) (core.Profile, error) {
	return one(ctx, r.tx, missing, scanProfile,
		`SELECT `+profileColumns+` FROM profile WHERE `+where, args...)
}

func (r profiles) Get(ctx context.Context, o core.Owner, name string) (core.Profile, error) {
	return r.find(ctx, "there is no LLM profile "+name, `owner = ? AND name = ?`, ownerText(o), name)
}

func (r profiles) ByID(ctx context.Context, id string) (core.Profile, error) {
	return r.find(ctx, "the LLM profile is gone", `id = ?`, id)
}

func (r profiles) List(ctx context.Context, o core.Owner) ([]core.Profile, error) {
	return all(ctx, r.tx, scanProfile, `SELECT `+profileColumns+` FROM profile WHERE owner = ? ORDER BY name`, ownerText(o))
}

func (r profiles) Create(ctx context.Context, p core.Profile) error {
	return r.create(ctx, r.record(ctx, p))
}

func (r profiles) Update(ctx context.Context, p core.Profile, expect int64) error {
	p.Version = expect + 1
	return r.replace(ctx, r.record(ctx, p), expect)
}

func (r profiles) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "profile", id, expect)
}

// Activate takes the mark off the old one first, since there is at most one at
// each moment.
func (r profiles) Activate(ctx context.Context, o core.Owner, id string) error {
	p, err := r.find(ctx, "the profile is gone", `id = ? AND owner = ?`, id, ownerText(o))
	if err != nil || p.Active {
		return err
	}
	old, err := r.find(ctx, "", `owner = ? AND active = 1`, ownerText(o))
	if err == nil {
		err = r.mark(ctx, old, false)
	}
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	return r.mark(ctx, p, true)
}

func (r profiles) mark(ctx context.Context, p core.Profile, active bool) error {
	_, err := r.exec(ctx, `UPDATE profile SET active = ?, version = version + 1 WHERE id = ?`, active, p.ID)
	return r.changed(err, "profile", p.Owner, p.ID)
}

// taken says whether the name or the mark is another profile's.
func (r profiles) taken(ctx context.Context, p core.Profile) error {
	if p.Active {
		if by, err := r.find(ctx, "", `owner = ? AND active = 1`, ownerText(p.Owner)); err == nil && by.ID != p.ID && by.Name != p.Name {
			return core.Errorf(core.Conflict, "another LLM profile is active: %s", by.Name).WithField("active").
				WithHint("store this one as it is, then make it the active one")
		}
	}
	return nameTaken("an LLM profile", p.Name)
}
