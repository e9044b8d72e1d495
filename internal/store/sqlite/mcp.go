package sqlite

import (
	"context"

	"keyfob/internal/core"
)

type mcpServers struct{ *tx }

const mcpColumns = `id, owner, name, transport, url, command, args, has_token, headers, env, timeout, enabled,
	version, value_version, created_at, updated_at, key_id, ciphertext`

func scanMCPServer(row scanner) (core.SealedMCPServer, error) {
	var m core.SealedMCPServer
	err := row.Scan(&m.ID, owner{&m.Owner}, &m.Name, &m.Transport, &m.URL, &m.Command, object{&m.Args}, &m.HasToken,
		object{&m.Headers}, object{&m.Env}, &m.Timeout, &m.Enabled, &m.Version, &m.ValueVersion,
		instant{&m.CreatedAt}, instant{&m.UpdatedAt}, &m.KeyID, &m.Ciphertext)
	if len(m.Ciphertext) == 0 {
		m.Ciphertext = nil
	}
	return m, err
}

func mcpValues(m core.SealedMCPServer) []any {
	return []any{m.ID, ownerText(m.Owner), m.Name, m.Transport, m.URL, m.Command, jsonList(m.Args), m.HasToken,
		jsonList(m.Headers), jsonList(m.Env), m.Timeout, m.Enabled, m.Version, m.ValueVersion,
		micros(m.CreatedAt), micros(m.UpdatedAt), m.KeyID, blob(m.Ciphertext)}
}

func (r mcpServers) Get(ctx context.Context, o core.Owner, name string) (core.SealedMCPServer, error) {
	return one(ctx, r.tx, "there is no MCP server "+name, scanMCPServer,
		`SELECT `+mcpColumns+` FROM mcp_server WHERE owner = ? AND name = ?`, ownerText(o), name)
}

func (r mcpServers) List(ctx context.Context, o core.Owner) ([]core.SealedMCPServer, error) {
	return all(ctx, r.tx, scanMCPServer, `SELECT `+mcpColumns+` FROM mcp_server WHERE owner = ? ORDER BY name`, ownerText(o))
}

func (r mcpServers) Create(ctx context.Context, m core.SealedMCPServer) error {
	if err := newRecord("MCP server", m.Version); err != nil {
		return err
	}
	_, err := r.exec(ctx, `INSERT INTO mcp_server (`+mcpColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		mcpValues(m)...)
	if isUnique(err) {
		return mcpTaken(m.Name)
	}
	return r.changed(err, "mcp", m.Owner, m.ID)
}

func (r mcpServers) Update(ctx context.Context, m core.SealedMCPServer, expect int64) error {
	m.Version = expect + 1
	n, err := r.exec(ctx, `UPDATE mcp_server SET (`+mcpColumns+`) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		WHERE id = ? AND owner = ? AND version = ?`, append(mcpValues(m), m.ID, ownerText(m.Owner), expect)...)
	if isUnique(err) {
		return mcpTaken(m.Name)
	}
	if err == nil && n == 0 {
		return r.stale(ctx, "mcp", m.ID, expect)
	}
	return r.changed(err, "mcp", m.Owner, m.ID)
}

func (r mcpServers) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "mcp", id, expect)
}

func mcpTaken(name string) error {
	return core.Errorf(core.Conflict, "there is an MCP server %s already", name).WithField("name").
		WithHint("choose another name, or change the one that is there")
}
