package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type sessions struct{ *tx }

const sessionColumns = `id, user_id, digest, agent, address, created_at, expires_at, used_at`

func scanSession(row scanner) (core.BrowserSession, error) {
	var s core.BrowserSession
	err := row.Scan(&s.ID, &s.UserID, &s.Digest, &s.Agent, &s.Address, instant{&s.CreatedAt}, instant{&s.ExpiresAt}, instant{&s.UsedAt})
	return s, err
}

func (r sessions) find(ctx context.Context, where string, arg any) (core.BrowserSession, error) {
	return one(ctx, r.tx, "there is no such browser session", scanSession,
		`SELECT `+sessionColumns+` FROM browser_session WHERE `+where, arg)
}

func (r sessions) Get(ctx context.Context, id string) (core.BrowserSession, error) {
	return r.find(ctx, `id = ?`, id)
}

// ByDigest needs no constant time, as that of tokens.
func (r sessions) ByDigest(ctx context.Context, digest []byte) (core.BrowserSession, error) {
	return r.find(ctx, `digest = ?`, blob(digest))
}

func (r sessions) List(ctx context.Context, userID string) ([]core.BrowserSession, error) {
	return all(ctx, r.tx, scanSession, `SELECT `+sessionColumns+` FROM browser_session WHERE user_id = ? ORDER BY created_at, id`, userID)
}

func (r sessions) Create(ctx context.Context, s core.BrowserSession) error {
	if err := hasDigest("browser session", s.Digest); err != nil {
		return err
	}
	err := r.insert(ctx, "browser_session", sessionColumns,
		s.ID, s.UserID, s.Digest, s.Agent, s.Address, micros(s.CreatedAt), micros(s.ExpiresAt), micros(s.UsedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is such a browser session already").WithHint("sign in again")
	}
	return r.changed(err, "session", ofUser(s.UserID), s.ID)
}

func (r sessions) Used(ctx context.Context, at map[string]time.Time) error {
	return r.used(ctx, "browser_session", at)
}

func (r sessions) Delete(ctx context.Context, id string) error {
	return r.end(ctx, bearers{"browser_session", "session"}, id)
}

func (r sessions) DeleteAll(ctx context.Context, userID string) (int, error) {
	return r.endAll(ctx, bearers{"browser_session", "session"}, `user_id = ?`, userID)
}

func (r sessions) Sweep(ctx context.Context, t time.Time) error {
	for _, b := range []bearers{{"token", "token"}, {"browser_session", "session"}} {
		if _, err := r.endAll(ctx, b, `expires_at <> 0 AND expires_at < ?`, micros(t)); err != nil {
			return err
		}
	}
	return nil
}
