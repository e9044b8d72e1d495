package sqlite

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// record is one with a version, as it is written.
type record struct {
	kind    string // of its changes
	owner   core.Owner
	id      string
	version int64
	columns string
	values  []any        // of the columns
	taken   func() error // says what it has that another record has already
}

// create stores a record that is new.
func (t *tx) create(ctx context.Context, r record) error {
	table, name := kindOf(r.kind)
	if r.version != 1 {
		return core.Errorf(core.Internal, "a new %s must have version 1, not %d", name, r.version).WithHint("report this as a defect")
	}
	return t.wrote(r, t.insert(ctx, table, r.columns, r.values...))
}

// replace writes a record over the one at version expect.
func (t *tx) replace(ctx context.Context, r record, expect int64) error {
	table, _ := kindOf(r.kind)
	n, err := t.exec(ctx, `UPDATE `+table+` SET (`+r.columns+`) = (`+marks(r.values)+`) WHERE id = ? AND owner = ? AND version = ?`,
		append(r.values, r.id, ownerText(r.owner), expect)...)
	if err == nil && n == 0 {
		return t.stale(ctx, r.kind, r.id, expect)
	}
	return t.wrote(r, err)
}

func (t *tx) wrote(r record, err error) error {
	if isUnique(err) {
		return r.taken()
	}
	return t.changed(err, r.kind, r.owner, r.id)
}

func nameTaken(what, name string) error {
	return core.Errorf(core.Conflict, "there is %s %s already", what, name).WithField("name").
		WithHint("choose another name, or change the one that is there")
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
