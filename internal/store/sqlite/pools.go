package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type pools struct{ *tx }

const poolColumns = `owner, provider, namespace, strategy, allow_ambiguous, version, updated_at`

func scanPool(row scanner) (core.Pool, error) {
	var p core.Pool
	err := row.Scan(owner{&p.Owner}, &p.Provider, &p.Namespace, &p.Strategy, &p.AllowAmbiguous, &p.Version, instant{&p.UpdatedAt})
	return p, err
}

func (r pools) Get(ctx context.Context, o core.Owner, provider, namespace string) (core.Pool, error) {
	return one(ctx, r.tx, "nothing is set for the pool "+provider+"/"+namespace, scanPool,
		`SELECT `+poolColumns+` FROM pool WHERE owner = ? AND provider = ? AND namespace = ?`, ownerText(o), provider, namespace)
}

func (r pools) List(ctx context.Context, o core.Owner) ([]core.Pool, error) {
	return all(ctx, r.tx, scanPool, `SELECT `+poolColumns+` FROM pool WHERE owner = ? ORDER BY provider, namespace`, ownerText(o))
}

func (r pools) Put(ctx context.Context, p core.Pool, expect int64) error {
	version, err := one(ctx, r.tx, "", scanValue[int64],
		`SELECT version FROM pool WHERE owner = ? AND provider = ? AND namespace = ?`, ownerText(p.Owner), p.Provider, p.Namespace)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	if version != expect {
		return staleVersion("pool", version, expect)
	}
	_, err = r.exec(ctx, `INSERT OR REPLACE INTO pool (`+poolColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		ownerText(p.Owner), p.Provider, p.Namespace, p.Strategy, p.AllowAmbiguous, expect+1, micros(p.UpdatedAt))
	return r.changed(err, "pool", p.Owner, p.Provider+"/"+p.Namespace)
}
