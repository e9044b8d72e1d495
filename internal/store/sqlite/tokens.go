package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type tokens struct{ *tx }

const tokenColumns = `id, user_id, name, digest, scopes, maker, created_at, expires_at, used_at`

func scanToken(row scanner) (core.Token, error) {
	var k core.Token
	err := row.Scan(&k.ID, &k.UserID, &k.Name, &k.Digest, &k.Scopes, &k.Maker, instant{&k.CreatedAt}, instant{&k.ExpiresAt}, instant{&k.UsedAt})
	return k, err
}

func (r tokens) find(ctx context.Context, where string, arg any) (core.Token, error) {
	return one(ctx, r.tx, "there is no such token", scanToken,
		`SELECT `+tokenColumns+` FROM token WHERE `+where, arg)
}

func (r tokens) Get(ctx context.Context, id string) (core.Token, error) {
	return r.find(ctx, `id = ?`, id)
}

// ByDigest needs no constant time: whoever can guess a digest's bytes one by one
// still lacks the token behind it.
func (r tokens) ByDigest(ctx context.Context, digest []byte) (core.Token, error) {
	return r.find(ctx, `digest = ?`, blob(digest))
}

func (r tokens) List(ctx context.Context, userID string) ([]core.Token, error) {
	return all(ctx, r.tx, scanToken, `SELECT `+tokenColumns+` FROM token WHERE user_id = ? ORDER BY created_at, id`, userID)
}

func (r tokens) Create(ctx context.Context, k core.Token) error {
	if err := hasDigest("token", k.Digest); err != nil {
		return err
	}
	err := r.insert(ctx, "token", tokenColumns,
		k.ID, k.UserID, k.Name, k.Digest, k.Scopes, k.Maker, micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.UsedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is such a token already").WithHint("make another one")
	}
	return r.changed(err, "token", ofUser(k.UserID), k.ID)
}

func (r tokens) Used(ctx context.Context, at map[string]time.Time) error {
	return r.used(ctx, "token", at)
}

func (r tokens) Delete(ctx context.Context, id string) error {
	return r.end(ctx, bearers{"token", "token"}, id)
}

func (r tokens) DeleteAll(ctx context.Context, userID string) (int, error) {
	return r.endAll(ctx, bearers{"token", "token"}, `user_id = ?`, userID)
}
