package sqlite

import (
	"context"

	"keyfob/internal/core"
)

// keptChanges is how many changes stay; older ones go in steps of pruneStep.
const (
	keptChanges = 10_000
	pruneStep   = 1_000
)

type changes struct{ *tx }

func (r changes) After(ctx context.Context, seq int64, limit int) ([]core.Change, error) {
	return all(ctx, r.tx, func(row scanner) (c core.Change, err error) {
		err = row.Scan(&c.Seq, &c.Kind, owner{&c.Owner}, &c.ID)
		return c, err
	}, `SELECT seq, kind, owner, id FROM change WHERE seq > ? ORDER BY seq LIMIT ?`, seq, max(limit, 0))
}

func (r changes) Last(ctx context.Context) (int64, error) {
	return one(ctx, r.tx, "", scanValue[int64], `SELECT coalesce(max(seq), 0) FROM change`)
}

func (r changes) First(ctx context.Context) (int64, error) {
	return one(ctx, r.tx, "", scanValue[int64], `SELECT coalesce(min(seq), 0) FROM change`)
}

// changed notes a change where the write did not fail, once for a record.
func (t *tx) changed(err error, kind string, o core.Owner, id string) error {
	if err != nil {
		return t.s.fault(err)
	}
	c := core.Change{Kind: kind, Owner: o, ID: id}
	if !t.noted[c] {
		t.noted[c] = true
		t.changes = append(t.changes, c)
	}
	return nil
}

// flushChanges writes what changed noted, as the transaction's last act.
func (t *tx) flushChanges(ctx context.Context) error {
	for _, c := range t.changes {
		if err := t.appendChange(ctx, c); err != nil {
			return t.s.fault(err)
		}
	}
	return nil
}

func (t *tx) appendChange(ctx context.Context, c core.Change) error {
	res, err := t.sql.ExecContext(ctx, `INSERT INTO change (kind, owner, id) VALUES (?, ?, ?)`, c.Kind, ownerText(c.Owner), c.ID)
	if err != nil {
		return err
	}
	seq, err := res.LastInsertId()
	if err != nil || seq%pruneStep != 0 {
		return err
	}
	_, err = t.sql.ExecContext(ctx, `DELETE FROM change WHERE seq <= ?`, seq-keptChanges)
	return err
}
