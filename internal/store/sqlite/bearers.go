package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

// bearers implements store.Bearers.
type bearers[T any] struct {
	*tx
	of bearerKind[T]
}

type bearerKind[T any] struct {
	bearerRows
	name    string // what people call one
	another string // how to get another one
	columns string
	scan    func(scanner) (T, error)
	row     func(T) bearerRow
}

// bearerRows are a table and the kind of its changes.
type bearerRows struct{ table, kind string }

type bearerRow struct {
	id, user string
	digest   []byte
	values   []any // of the columns
}

func ofUser(id string) core.Owner { return core.User{ID: id}.Owner() }

func (r bearers[T]) find(ctx context.Context, where string, arg any) (T, error) {
	return one(ctx, r.tx, "there is no such "+r.of.name, r.of.scan, `SELECT `+r.of.columns+` FROM `+r.of.table+` WHERE `+where, arg)
}

func (r bearers[T]) Get(ctx context.Context, id string) (T, error) {
	return r.find(ctx, `id = ?`, id)
}

// ByDigest needs no constant time: whoever can guess a digest's bytes one by one
// still lacks the token behind it.
func (r bearers[T]) ByDigest(ctx context.Context, digest []byte) (T, error) {
	return r.find(ctx, `digest = ?`, blob(digest))
}

func (r bearers[T]) List(ctx context.Context, userID string) ([]T, error) {
	return all(ctx, r.tx, r.of.scan, `SELECT `+r.of.columns+` FROM `+r.of.table+` WHERE user_id = ? ORDER BY created_at, id`, userID)
}

// Create refuses a record that the empty digest would find.
func (r bearers[T]) Create(ctx context.Context, x T) error {
	row := r.of.row(x)
	if len(row.digest) == 0 {
		return core.Errorf(core.Internal, "a %s must have a digest", r.of.name).WithHint("report this as a defect")
	}
	err := r.insert(ctx, r.of.table, r.of.columns, row.values...)
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is such a %s already", r.of.name).WithHint("%s", r.of.another)
	}
	return r.changed(err, r.of.kind, ofUser(row.user), row.id)
}

func (r bearers[T]) Used(ctx context.Context, at map[string]time.Time) error {
	for id, when := range at {
		_, err := r.exec(ctx, `UPDATE `+r.of.table+` SET used_at = ?1 WHERE id = ?2 AND used_at < ?1`, micros(when), id)
		if err != nil {
			return r.s.fault(err)
		}
	}
	return nil
}

func (r bearers[T]) Delete(ctx context.Context, id string) error {
	n, err := r.end(ctx, r.of.bearerRows, `id = ?`, id)
	if err == nil && n == 0 {
		return core.Errorf(core.NotFound, "the %s is gone", r.of.kind)
	}
	return err
}

func (r bearers[T]) DeleteAll(ctx context.Context, userID string) (int, error) {
	return r.end(ctx, r.of.bearerRows, `user_id = ?`, userID)
}

// end deletes what matches and gives the number.
func (t *tx) end(ctx context.Context, b bearerRows, where string, arg any) (int, error) {
	if err := t.mayWrite(); err != nil {
		return 0, err
	}
	type gone struct{ id, user string }
	ended, err := all(ctx, t, func(row scanner) (g gone, err error) {
		err = row.Scan(&g.id, &g.user)
		return g, err
	}, `DELETE FROM `+b.table+` WHERE `+where+` RETURNING id, user_id`, arg)
	for _, g := range ended {
		err = t.changed(err, b.kind, ofUser(g.user), g.id)
	}
	return len(ended), err
}
