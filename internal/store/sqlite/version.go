package sqlite

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// newRecord refuses a record that was stored before.
func newRecord(what string, version int64) error {
	if version != 1 {
		return core.Errorf(core.Internal, "a new %s must have version 1, not %d", what, version).WithHint("report this as a defect")
	}
	return nil
}

func checkPage(p store.Page) error {
	if p.Limit < 1 {
		return core.Errorf(core.Invalid, "a page of %d records is none", p.Limit).WithField("limit").WithHint("ask for at least 1")
	}
	return nil
}

// kindOf is the table of a kind of change, and what people call its records.
func kindOf(kind string) (table, name string) {
	switch kind {
	case "mcp":
		return "mcp_server", "MCP server"
	case "profile":
		return "profile", "LLM profile"
	}
	return kind, kind
}

// remove deletes a record at a version.
func (t *tx) remove(ctx context.Context, kind, id string, expect int64) error {
	table, _ := kindOf(kind)
	o, err := one(ctx, t, "", scanOwner, `SELECT owner FROM `+table+` WHERE id = ? AND version = ?`, id, expect)
	if core.CodeOf(err) == core.NotFound {
		return t.stale(ctx, kind, id, expect)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `DELETE FROM `+table+` WHERE id = ?`, id)
	return t.changed(err, kind, o, id)
}

// stale says why no record of this id and version was found.
func (t *tx) stale(ctx context.Context, kind, id string, expect int64) error {
	table, name := kindOf(kind)
	version, err := one(ctx, t, "the "+name+" is gone", scanValue[int64], `SELECT version FROM `+table+` WHERE id = ?`, id)
	if err != nil {
		return err
	}
	return staleVersion(name, version, expect)
}

func staleVersion(name string, version, expect int64) error {
	return core.Errorf(core.Conflict, "the %s was changed meanwhile: it is at version %d, not %d", name, version, expect).
		WithReason("stale_version").WithHint("look at it again and retry")
}
