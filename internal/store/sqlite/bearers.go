package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

// bearers are the records of what a user shows to be known: a table and the kind
// of its changes.
type bearers struct{ table, kind string }

func ofUser(id string) core.Owner { return core.User{ID: id}.Owner() }

// hasDigest refuses a record that the empty digest would find.
func hasDigest(what string, digest []byte) error {
	if len(digest) == 0 {
		return core.Errorf(core.Internal, "a %s must have a digest", what).WithHint("report this as a defect")
	}
	return nil
}

func (t *tx) used(ctx context.Context, table string, at map[string]time.Time) error {
	for id, when := range at {
		if _, err := t.exec(ctx, `UPDATE `+table+` SET used_at = ?1 WHERE id = ?2 AND used_at < ?1`, micros(when), id); err != nil {
			return t.s.fault(err)
		}
	}
	return nil
}

func (t *tx) end(ctx context.Context, b bearers, id string) error {
	n, err := t.endAll(ctx, b, `id = ?`, id)
	if err == nil && n == 0 {
		return core.Errorf(core.NotFound, "the %s is gone", b.kind)
	}
	return err
}

// endAll deletes what matches and gives the number.
func (t *tx) endAll(ctx context.Context, b bearers, where string, arg any) (int, error) {
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
