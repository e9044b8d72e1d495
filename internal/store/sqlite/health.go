package sqlite

import (
	"cmp"
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type health struct{ *tx }

func (r health) List(ctx context.Context, o core.Owner) ([]core.Health, error) {
	return all(ctx, r.tx, scanHealth, `SELECT h.account, h.model, h.kind, h.until, h.epoch, h.reason, h.updated_at
		FROM health h JOIN account a ON a.id = h.account AND a.epoch = h.epoch
		WHERE a.owner = ? ORDER BY h.account, h.model`, ownerText(o))
}

func scanHealth(row scanner) (core.Health, error) {
	var h core.Health
	err := row.Scan(&h.AccountID, &h.Model, &h.Kind, instant{&h.Until}, &h.Epoch, &h.Reason, instant{&h.UpdatedAt})
	return h, err
}

// Merge implements store.Health. Where two records of one epoch end at the same
// moment, the greater kind, reason and time stay, so that the order in which
// they come never matters.
func (r health) Merge(ctx context.Context, records []core.Health) error {
	for _, h := range records {
		if err := r.mergeOne(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (r health) mergeOne(ctx context.Context, h core.Health) error {
	a, err := one(ctx, r.tx, "", func(row scanner) (a core.Account, err error) {
		err = row.Scan(owner{&a.Owner}, &a.Epoch)
		return a, err
	}, `SELECT owner, epoch FROM account WHERE id = ?`, h.AccountID)
	if core.CodeOf(err) == core.NotFound {
		return nil
	}
	if err != nil || h.Epoch < a.Epoch {
		return err
	}
	if h.Epoch > a.Epoch {
		if err := r.raise(ctx, a.Owner, h); err != nil {
			return err
		}
	}
	if h.Kind == "ok" {
		return nil
	}
	return r.keep(ctx, a.Owner, h)
}

func (r health) raise(ctx context.Context, o core.Owner, h core.Health) error {
	if _, err := r.exec(ctx, `UPDATE account SET epoch = ? WHERE id = ?`, h.Epoch, h.AccountID); err != nil {
		return r.s.fault(err)
	}
	_, err := r.exec(ctx, `DELETE FROM health WHERE account = ? AND epoch < ?`, h.AccountID, h.Epoch)
	return r.changed(err, "health", o, h.AccountID)
}

// keep stores h unless what is there says more. The epochs are equal.
func (r health) keep(ctx context.Context, o core.Owner, h core.Health) error {
	old, err := one(ctx, r.tx, "", scanHealth,
		`SELECT account, model, kind, until, epoch, reason, updated_at FROM health WHERE account = ? AND model = ? AND epoch = ?`,
		h.AccountID, h.Model, h.Epoch)
	if err == nil && compare(h, old) <= 0 {
		return nil
	}
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	_, err = r.exec(ctx, `INSERT OR REPLACE INTO health (account, model, kind, until, epoch, reason, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, h.AccountID, h.Model, h.Kind, micros(h.Until), h.Epoch, h.Reason, micros(h.UpdatedAt))
	if err == nil && h.Model != "" {
		err = r.bound(ctx, h.AccountID)
	}
	return r.changed(err, "health", o, h.AccountID)
}

// bound drops the records of models that end first. Records only grow, and their
// order is total, so those that stay are the same whichever came first.
func (r health) bound(ctx context.Context, account string) error {
	_, err := r.exec(ctx, `DELETE FROM health WHERE account = ?1 AND model IN (
		SELECT model FROM health WHERE account = ?1 AND model <> ''
		ORDER BY until DESC, kind DESC, reason DESC, updated_at DESC, model DESC LIMIT -1 OFFSET ?2)`, account, store.MaxModels)
	return err
}

func compare(a, b core.Health) int {
	return cmp.Or(
		cmp.Compare(micros(a.Until), micros(b.Until)),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(micros(a.UpdatedAt), micros(b.UpdatedAt)),
	)
}
