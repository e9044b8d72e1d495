package sqlite

import (
	"context"
	"time"

	"keyfob/internal/core"
)

type workspaces struct{ *tx }

const workspaceColumns = `id, owner, labels, namespace, only_names, except_names, providers, gateway, process,
	session_digest, gateway_digest, created_at, ended_at`

func scanWorkspace(row scanner) (core.Workspace, error) {
	var w core.Workspace
	err := row.Scan(&w.ID, owner{&w.Owner}, object{&w.Labels}, &w.Namespace, object{&w.Only}, object{&w.Except},
		object{&w.Providers}, &w.Gateway, &w.Process, &w.SessionDigest, &w.GatewayDigest,
		instant{&w.CreatedAt}, instant{&w.EndedAt})
	return w, err
}

func (r workspaces) find(ctx context.Context, where string, arg any) (core.Workspace, error) {
	var w core.Workspace
	err := r.one(ctx, "there is no such workspace", func(row scanner) (err error) {
		w, err = scanWorkspace(row)
		return err
	}, `SELECT `+workspaceColumns+` FROM workspace WHERE `+where, arg)
	return w, err
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
	var out []core.Workspace
	err := r.all(ctx, func(row scanner) error {
		w, err := scanWorkspace(row)
		out = append(out, w)
		return err
	}, `SELECT `+workspaceColumns+` FROM workspace WHERE owner = ? AND ended_at IS NULL ORDER BY created_at, id`, ownerText(o))
	return out, err
}

func (r workspaces) Create(ctx context.Context, w core.Workspace) error {
	_, err := r.exec(ctx, `INSERT INTO workspace (`+workspaceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.ID, ownerText(w.Owner), jsonText(w.Labels), w.Namespace, jsonList(w.Only), jsonList(w.Except), jsonText(w.Providers),
		w.Gateway, w.Process, digestOrNull(w.SessionDigest), digestOrNull(w.GatewayDigest), micros(w.CreatedAt), timeOrNull(w.EndedAt))
	if isUnique(err) {
		return core.Errorf(core.Conflict, "there is such a workspace already").WithHint("make it with new keys")
	}
	return r.changed(err, "workspace", w.Owner, w.ID)
}

func (r workspaces) End(ctx context.Context, id string, at time.Time) error {
	if at.IsZero() {
		return core.Errorf(core.Internal, "a workspace cannot end at no time").WithHint("report this as a defect")
	}
	w, err := r.find(ctx, `id = ? AND ended_at IS NULL`, id)
	if err != nil {
		return err
	}
	_, err = r.exec(ctx, `UPDATE workspace SET ended_at = ?, session_digest = NULL, gateway_digest = NULL WHERE id = ?`, micros(at), id)
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
