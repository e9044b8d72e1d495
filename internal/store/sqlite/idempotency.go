package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type idempotency struct{ *tx }

func (r idempotency) Get(ctx context.Context, actor, key string) (core.Idempotency, error) {
	return one(ctx, r.tx, "there was no such request", func(row scanner) (i core.Idempotency, err error) {
		err = row.Scan(&i.Actor, &i.Key, &i.Request, &i.Location, instant{&i.CreatedAt})
		return i, err
	}, `SELECT actor, key, request, location, created_at FROM idempotency WHERE actor = ? AND key = ?`, actor, key)
}

func (r idempotency) Create(ctx context.Context, i core.Idempotency) error {
	_, err := r.exec(ctx, `INSERT INTO idempotency (actor, key, request, location, created_at) VALUES (?, ?, ?, ?, ?)`,
		i.Actor, i.Key, i.Request, i.Location, micros(i.CreatedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "a request with this key is answered already").WithReason("idempotency_key").
			WithHint("send it again: it gets the same answer")
	}
	return r.s.fault(err)
}

func (r idempotency) Sweep(ctx context.Context, before time.Time) error {
	_, err := r.exec(ctx, `DELETE FROM idempotency WHERE created_at < ?`, micros(before))
	return r.s.fault(err)
}
