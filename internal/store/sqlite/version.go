package sqlite

import (
	"context"

	"keyfob/internal/core"
)

// remove deletes a record of kind, which is its table's name too, at a version.
func (t *tx) remove(ctx context.Context, kind, id string, expect int64) error {
	var o core.Owner
	err := t.one(ctx, "", func(row scanner) error { return row.Scan(owner{&o}) },
		`SELECT owner FROM `+kind+` WHERE id = ? AND version = ?`, id, expect)
	if core.CodeOf(err) == core.NotFound {
		return t.stale(ctx, kind, id, expect)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM `+kind+` WHERE id = ?`, id)
	return t.changed(err, kind, o, id)
}

// stale says why no record of this id and version was found.
func (t *tx) stale(ctx context.Context, kind, id string, expect int64) error {
	var version int64
	err := t.one(ctx, "the "+kind+" is gone", func(row scanner) error { return row.Scan(&version) },
		`SELECT version FROM `+kind+` WHERE id = ?`, id)
	if err != nil {
		return err
	}
	return core.Errorf(core.Conflict, "the %s was changed meanwhile: it is at version %d, not %d", kind, version, expect).
		WithReason("stale_version").WithHint("look at it again and retry")
}
