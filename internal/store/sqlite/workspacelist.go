package sqlite

import (
	"context"
	"errors"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// errFull ends a scan whose page is full.
var errFull = errors.New("the page is full")

// Page looks at labels while it reads and stops once the page is full, so it
// reads no more than it must to fill one.
func (r workspaces) Page(ctx context.Context, o core.Owner, f store.WorkspaceFilter, p store.Page) ([]core.Workspace, error) {
	if err := checkPage(p); err != nil {
		return nil, err
	}
	query, args, err := r.pageQuery(ctx, o, f, p)
	if err != nil {
		return nil, err
	}
	var out []core.Workspace
	err = r.each(ctx, func(row scanner) error {
		w, err := scanWorkspace(row)
		if err != nil {
			return r.s.fault(err)
		}
		if f.Selector.Matches(w.Labels) {
			out = append(out, w)
		}
		if len(out) == p.Limit {
			return errFull
		}
		return nil
	}, query, args...)
	if errors.Is(err, errFull) {
		err = nil
	}
	return out, err
}

// pageQuery asks for all from the page's first on; labels are for the reader.
func (r workspaces) pageQuery(ctx context.Context, o core.Owner, f store.WorkspaceFilter, p store.Page) (string, []any, error) {
	where, args := `owner = ?`, []any{ownerText(o)}
	if !f.Ended {
		where += ` AND ended_at IS NULL`
	}
	if f.Launcher != "" {
		where, args = where+` AND launcher = ?`, append(args, f.Launcher)
	}
	if p.After != "" {
		created, err := r.created(ctx, o, p.After)
		if err != nil {
			return "", nil, err
		}
		where, args = where+` AND (created_at, id) < (?, ?)`, append(args, created, p.After)
	}
	return `SELECT ` + workspaceColumns + ` FROM workspace WHERE ` + where + ` ORDER BY created_at DESC, id DESC`, args, nil
}

// created is when the last one of the page before was made.
func (r workspaces) created(ctx context.Context, o core.Owner, id string) (int64, error) {
	at, err := one(ctx, r.tx, "", scanValue[int64], `SELECT created_at FROM workspace WHERE id = ? AND owner = ?`, id, ownerText(o))
	if core.CodeOf(err) == core.NotFound {
		return 0, core.Errorf(core.Invalid, "no page begins there").WithField("after").WithHint("start from the first page")
	}
	return at, err
}

func (r workspaces) CountLive(ctx context.Context, o core.Owner) (int, error) {
	where, args := `ended_at IS NULL`, []any{}
	if o != (core.Owner{}) {
		where, args = where+` AND owner = ?`, append(args, ownerText(o))
	}
	return one(ctx, r.tx, "", scanValue[int], `SELECT count(*) FROM workspace WHERE `+where, args...)
}

func (r workspaces) Expired(ctx context.Context, now time.Time, limit int) ([]core.Workspace, error) {
	return all(ctx, r.tx, scanWorkspace,
		`SELECT `+workspaceColumns+` FROM workspace WHERE ended_at IS NULL AND expires_at IS NOT NULL AND expires_at <= ?
		ORDER BY expires_at, id LIMIT ?`, micros(now), max(limit, 0))
}
