package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type usage struct{ *tx }

func (r usage) Add(ctx context.Context, counts []core.Usage) error {
	for _, u := range counts {
		_, err := r.exec(ctx, `INSERT INTO usage
			(owner, account, model, workspace, day, requests, rotations, errors, input_tokens, output_tokens, unreported, estimated)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, rotations = rotations + excluded.rotations,
			errors = errors + excluded.errors, input_tokens = input_tokens + excluded.input_tokens,
			output_tokens = output_tokens + excluded.output_tokens, unreported = unreported + excluded.unreported,
			estimated = estimated + excluded.estimated`,
			ownerText(u.Owner), u.AccountID, u.Model, u.Workspace, u.Day,
			u.Requests, u.Rotations, u.Errors, u.InputTokens, u.OutputTokens, u.Unreported, u.Estimated)
		if err != nil {
			return r.s.fault(err)
		}
	}
	return nil
}

// List gives whole days, from the one that since is in, oldest first.
func (r usage) List(ctx context.Context, o core.Owner, since time.Time) ([]core.Usage, error) {
	return all(ctx, r.tx, func(row scanner) (u core.Usage, err error) {
		err = row.Scan(owner{&u.Owner}, &u.AccountID, &u.Model, &u.Workspace, &u.Day,
			&u.Requests, &u.Rotations, &u.Errors, &u.InputTokens, &u.OutputTokens, &u.Unreported, &u.Estimated)
		return u, err
	}, `SELECT owner, account, model, workspace, day, requests, rotations, errors, input_tokens, output_tokens, unreported, estimated
		FROM usage WHERE owner = ? AND day >= ? ORDER BY day, account, model, workspace`,
		ownerText(o), since.UTC().Format(time.DateOnly))
}
