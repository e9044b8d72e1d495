package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type workspaces struct{ *tx }

const workspaceColumns = `id, owner, labels, namespace, only_names, except_names, providers, gateway, process,
	session_digest, gateway_digest, created_at, ended_at, launcher, version, updated_at, expires_at`

func scanWorkspace(row scanner) (core.Workspace, error) {
	var w core.Workspace
	err := row.Scan(&w.ID, owner{&w.Owner}, object{&w.Labels}, &w.Namespace, object{&w.Only}, object{&w.Except},
		object{&w.Providers}, &w.Gateway, &w.Process, &w.SessionDigest, &w.GatewayDigest,
		instant{&w.CreatedAt}, instant{&w.EndedAt},
		&w.Launcher, &w.Version, instant{&w.UpdatedAt}, instant{&w.ExpiresAt})
	return w, err
}

func (r workspaces) find(ctx context.Context, where string, arg any) (core.Workspace, error) {
	return one(ctx, r.tx, "there is no such workspace", scanWorkspace,
		`SELECT `+workspaceColumns+` FROM workspace WHERE `+where, arg)
}

func (r workspaces) Get(ctx context.Context, id string) (core.Workspace, error) {
	return r.find(ctx, `id = ?`, id)
}

// BySession needs no constant time: whoever can guess a digest's bytes one by
// one still lacks the token behind it.
func (r workspaces) BySession(ctx context.Context, digest []byte) (core.Workspace, error) {
	return r.find(ctx, `session_digest = ? AND ended_at IS NULL`, blob(digest))
}

func (r workspaces) ByGateway(ctx context.Context, digest []byte) (core.Workspace, error) {
	return r.find(ctx, `gateway_digest = ? AND ended_at IS NULL`, blob(digest))
}

func (r workspaces) Live(ctx context.Context, o core.Owner) ([]core.Workspace, error) {
	return all(ctx, r.tx, scanWorkspace,
		`SELECT `+workspaceColumns+` FROM workspace WHERE owner = ? AND ended_at IS NULL ORDER BY created_at, id`, ownerText(o))
}

func (r workspaces) Create(ctx context.Context, w core.Workspace) error {
	return r.create(ctx, record{
		kind: "workspace", owner: w.Owner, id: w.ID, version: w.Version, columns: workspaceColumns,
		values: []any{w.ID, ownerText(w.Owner), jsonText(w.Labels), w.Namespace, jsonList(w.Only), jsonList(w.Except), jsonText(w.Providers),
			w.Gateway, w.Process, digestOrNull(w.SessionDigest), digestOrNull(w.GatewayDigest), micros(w.CreatedAt), timeOrNull(w.EndedAt),
			w.Launcher, w.Version, micros(w.UpdatedAt), timeOrNull(w.ExpiresAt)},
		taken: workspaceTaken,
	})
}

func workspaceTaken() error {
	return core.Errorf(core.Conflict, "there is such a workspace already").WithHint("make it with new keys")
}

func (r workspaces) Update(ctx context.Context, w core.Workspace, expect int64) error {
	old, err := r.find(ctx, `id = ? AND ended_at IS NULL`, w.ID)
	if err != nil {
		return err
	}
	if old.Version != expect {
		return staleVersion("workspace", old.Version, expect)
	}
	_, err = r.exec(ctx, `UPDATE workspace SET labels = ?, session_digest = ?, gateway_digest = ?, expires_at = ?, updated_at = ?, version = ?
		WHERE id = ?`, jsonText(w.Labels), digestOrNull(w.SessionDigest), digestOrNull(w.GatewayDigest), timeOrNull(w.ExpiresAt),
		micros(w.UpdatedAt), expect+1, w.ID)
	if isUnique(err) {
		return workspaceTaken()
	}
	return r.changed(err, "workspace", old.Owner, w.ID)
}

func (r workspaces) Renew(ctx context.Context, id string, until time.Time) error {
	n, err := r.exec(ctx, `UPDATE workspace SET expires_at = ? WHERE id = ? AND ended_at IS NULL`, timeOrNull(until), id)
	if err == nil && n == 0 {
		return core.Errorf(core.NotFound, "there is no such workspace")
	}
	return r.s.fault(err)
}

func (r workspaces) End(ctx context.Context, id string, at time.Time) error {
	if at.IsZero() {
		return core.Errorf(core.Internal, "a workspace cannot end at no time").WithHint("report this as a defect")
	}
	w, err := r.find(ctx, `id = ? AND ended_at IS NULL`, id)
	if err != nil {
		return err
	}
	_, err = r.exec(ctx, `UPDATE workspace SET ended_at = ?1, updated_at = ?1, version = version + 1,
		session_digest = NULL, gateway_digest = NULL WHERE id = ?2`, micros(at), id)
	return r.changed(err, "workspace", w.Owner, id)
}

// digestOrNull keeps absent digests out of the unique index.
func digestOrNull(d []byte) any {
	if len(d) == 0 {
		return nil
	}
	return d
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}
