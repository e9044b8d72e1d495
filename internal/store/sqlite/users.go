package sqlite

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type users struct{ *tx }

const userColumns = `id, name, email, role, disabled, version, created_at, updated_at`

func scanUser(row scanner) (core.User, error) {
	var u core.User
	err := row.Scan(&u.ID, &u.Name, &u.Email, &u.Role, &u.Disabled, &u.Version, instant{&u.CreatedAt}, instant{&u.UpdatedAt})
	return u, err
}

func (r users) find(ctx context.Context, where string, arg any) (core.User, error) {
	return one(ctx, r.tx, "there is no such user", scanUser,
		`SELECT `+userColumns+` FROM user WHERE `+where, arg)
}

func (r users) Get(ctx context.Context, id string) (core.User, error) {
	return r.find(ctx, `id = ?`, id)
}

func (r users) ByName(ctx context.Context, name string) (core.User, error) {
	return r.find(ctx, `name = ?`, name)
}

// ByEmail finds nobody by the empty address, which many have.
func (r users) ByEmail(ctx context.Context, email string) (core.User, error) {
	return r.find(ctx, `email = ? AND email <> ''`, email)
}

func (r users) Page(ctx context.Context, p store.Page) ([]core.User, error) {
	if err := checkPage(p); err != nil {
		return nil, err
	}
	return all(ctx, r.tx, scanUser, `SELECT `+userColumns+` FROM user WHERE name > ? ORDER BY name LIMIT ?`, p.After, p.Limit)
}

func (r users) Create(ctx context.Context, u core.User) error {
	return r.create(ctx, record{
		kind: "user", owner: u.Owner(), id: u.ID, version: u.Version, columns: userColumns,
		values: []any{u.ID, u.Name, u.Email, u.Role, u.Disabled, u.Version, micros(u.CreatedAt), micros(u.UpdatedAt)},
		taken:  func() error { return r.taken(ctx, u) },
	})
}

func (r users) Update(ctx context.Context, u core.User, expect int64) error {
	n, err := r.exec(ctx, `UPDATE user SET name = ?, email = ?, role = ?, disabled = ?, version = ?, created_at = ?, updated_at = ?
		WHERE id = ? AND version = ?`,
		u.Name, u.Email, u.Role, u.Disabled, expect+1, micros(u.CreatedAt), micros(u.UpdatedAt), u.ID, expect)
	if isUnique(err) {
		return r.taken(ctx, u)
	}
	if err == nil && n == 0 {
		return r.stale(ctx, "user", u.ID, expect)
	}
	return r.changed(err, "user", u.Owner(), u.ID)
}

// taken says which of the two names is another user's.
func (r users) taken(ctx context.Context, u core.User) error {
	if u.Email != "" {
		if by, err := r.ByEmail(ctx, u.Email); err == nil && by.ID != u.ID {
			return core.Errorf(core.Conflict, "another user has the address %s", u.Email).WithField("email").
				WithHint("give another address, or change that user")
		}
	}
	return nameTaken("a user", u.Name)
}
