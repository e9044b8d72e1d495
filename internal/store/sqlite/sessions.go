package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type sessions struct{ bearers[core.BrowserSession] }

var browserSessions = bearerKind[core.BrowserSession]{
	bearerRows: bearerRows{table: "browser_session", kind: "session"}, name: "browser session", another: "sign in again",
	columns: `id, user_id, digest, agent, address, created_at, expires_at, used_at`,
	scan: func(row scanner) (s core.BrowserSession, err error) {
		err = row.Scan(&s.ID, &s.UserID, &s.Digest, &s.Agent, &s.Address, instant{&s.CreatedAt}, instant{&s.ExpiresAt}, instant{&s.UsedAt})
		return s, err
	},
	row: func(s core.BrowserSession) bearerRow {
		return bearerRow{s.ID, s.UserID, s.Digest,
			[]any{s.ID, s.UserID, s.Digest, s.Agent, s.Address, micros(s.CreatedAt), micros(s.ExpiresAt), micros(s.UsedAt)}}
	},
}

func (r sessions) Sweep(ctx context.Context, t time.Time) error {
	for _, b := range []bearerRows{tokens.bearerRows, browserSessions.bearerRows} {
		if _, err := r.end(ctx, b, `expires_at <> 0 AND expires_at < ?`, micros(t)); err != nil {
			return err
		}
	}
	return nil
}
