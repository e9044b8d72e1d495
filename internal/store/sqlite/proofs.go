package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type proofs struct{ *tx }

const proofColumns = `id, kind, digest, user_code, user_id, requester, subject, version, state, approver,
	created_at, decided_at, expires_at`

func scanProof(row scanner) (core.Proof, error) {
	var p core.Proof
	err := row.Scan(&p.ID, &p.Kind, &p.Digest, &p.UserCode, &p.UserID, &p.Requester, &p.Subject, &p.Version, &p.State, &p.Approver,
		instant{&p.CreatedAt}, instant{&p.DecidedAt}, instant{&p.ExpiresAt})
	return p, err
}

func (r proofs) find(ctx context.Context, where string, arg any) (core.Proof, error) {
	return one(ctx, r.tx, "there is no such request", scanProof,
		`SELECT `+proofColumns+` FROM proof WHERE `+where, arg)
}

func (r proofs) Get(ctx context.Context, id string) (core.Proof, error) {
	return r.find(ctx, `id = ?`, id)
}

func (r proofs) ByDigest(ctx context.Context, digest []byte) (core.Proof, error) {
	return r.find(ctx, `digest = ?`, digestOrNull(digest))
}

func (r proofs) ByUserCode(ctx context.Context, digest []byte) (core.Proof, error) {
	return r.find(ctx, `user_code = ?`, digestOrNull(digest))
}

func (r proofs) List(ctx context.Context, userID string) ([]core.Proof, error) {
	return all(ctx, r.tx, scanProof, `SELECT `+proofColumns+` FROM proof WHERE user_id = ? ORDER BY created_at, id`, userID)
}

func (r proofs) Page(ctx context.Context, p store.Page) ([]core.Proof, error) {
	if err := checkPage(p); err != nil {
		return nil, err
	}
	return all(ctx, r.tx, scanProof, `SELECT `+proofColumns+` FROM proof WHERE id > ? ORDER BY id LIMIT ?`, p.After, p.Limit)
}

func (r proofs) Create(ctx context.Context, p core.Proof) error {
	err := r.insert(ctx, "proof", proofColumns,
		p.ID, p.Kind, digestOrNull(p.Digest), digestOrNull(p.UserCode), p.UserID, p.Requester, p.Subject, p.Version, p.State, p.Approver,
		micros(p.CreatedAt), micros(p.DecidedAt), micros(p.ExpiresAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is such a request already").WithHint("make another one")
	}
	return r.s.fault(err)
}

func (r proofs) Decide(ctx context.Context, p core.Proof, from core.ProofState) error {
	n, err := r.exec(ctx, `UPDATE proof SET state = ?, user_id = ?, approver = ?, decided_at = ?, expires_at = ? WHERE id = ? AND state = ?`,
		p.State, p.UserID, p.Approver, micros(p.DecidedAt), micros(p.ExpiresAt), p.ID, from)
	if err != nil || n == 1 {
		return r.s.fault(err)
	}
	now, err := r.Get(ctx, p.ID)
	if err != nil {
		return err
	}
	return core.Errorf(core.Conflict, "the request is %s by now", now.State).WithReason("stale_version").WithHint("begin again")
}

func (r proofs) Pending(ctx context.Context, k core.ProofKind, now time.Time) (int, error) {
	return one(ctx, r.tx, "", scanValue[int],
		`SELECT count(*) FROM proof WHERE kind = ? AND state = ? AND expires_at > ?`, k, core.ProofPending, micros(now))
}

func (r proofs) PendingOf(ctx context.Context, k core.ProofKind, userID string, now time.Time) (int, error) {
	return one(ctx, r.tx, "", scanValue[int],
		`SELECT count(*) FROM proof WHERE user_id = ? AND kind = ? AND state = ? AND expires_at > ?`, userID, k, core.ProofPending, micros(now))
}

func (r proofs) DeleteAll(ctx context.Context, userID string) (int, error) {
	n, err := r.exec(ctx, `DELETE FROM proof WHERE user_id = ?`, userID)
	return int(n), r.s.fault(err)
}

func (r proofs) Sweep(ctx context.Context, t time.Time) error {
	_, err := r.exec(ctx, `DELETE FROM proof WHERE expires_at < ?`, micros(t))
	return r.s.fault(err)
}
