package sqlite

import "keyfob/internal/core"

var tokens = bearerKind[core.Token]{
	bearerRows: bearerRows{table: "token", kind: "token"}, name: "token", another: "make another one",
	columns: `id, user_id, name, digest, scopes, maker, created_at, expires_at, used_at`,
	scan: func(row scanner) (k core.Token, err error) {
		err = row.Scan(&k.ID, &k.UserID, &k.Name, &k.Digest, &k.Scopes, &k.Maker, instant{&k.CreatedAt}, instant{&k.ExpiresAt}, instant{&k.UsedAt})
		return k, err
	},
	row: func(k core.Token) bearerRow {
		return bearerRow{k.ID, k.UserID, k.Digest,
			[]any{k.ID, k.UserID, k.Name, k.Digest, k.Scopes, k.Maker, micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.UsedAt)}}
	},
}
