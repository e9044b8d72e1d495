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

func mcpRecord(m core.SealedMCPServer) record {
	return record{
		kind: "mcp", owner: m.Owner, id: m.ID, version: m.Version, columns: mcpColumns,
		values: []any{m.ID, ownerText(m.Owner), m.Name, m.Transport, m.URL, m.Command, jsonList(m.Args), m.HasToken,
			jsonList(m.Headers), jsonList(m.Env), m.Timeout, m.Enabled, m.Version, m.ValueVersion,
			micros(m.CreatedAt), micros(m.UpdatedAt), m.KeyID, blob(m.Ciphertext)},
		taken: func() error { return nameTaken("an MCP server", m.Name) },
	}
}

func (r mcpServers) Get(ctx context.Context, o core.Owner, name string) (core.SealedMCPServer, error) {
	return one(ctx, r.tx, "there is no MCP server "+name, scanMCPServer,
		`SELECT `+mcpColumns+` FROM mcp_server WHERE owner = ? AND name = ?`, ownerText(o), name)
}

func (r mcpServers) ByID(ctx context.Context, id string) (core.SealedMCPServer, error) {
	return one(ctx, r.tx, "the MCP server is gone", scanMCPServer, `SELECT `+mcpColumns+` FROM mcp_server WHERE id = ?`, id)
}

func (r mcpServers) List(ctx context.Context, o core.Owner) ([]core.SealedMCPServer, error) {
	return all(ctx, r.tx, scanMCPServer, `SELECT `+mcpColumns+` FROM mcp_server WHERE owner = ? ORDER BY name`, ownerText(o))
}

func (r mcpServers) Create(ctx context.Context, m core.SealedMCPServer) error {
	return r.create(ctx, mcpRecord(m))
}

func (r mcpServers) Update(ctx context.Context, m core.SealedMCPServer, expect int64) error {
	m.Version = expect + 1
	return r.replace(ctx, mcpRecord(m), expect)
}

func (r mcpServers) Delete(ctx context.Context, id string, expect int64) error {
	return r.remove(ctx, "mcp", id, expect)
}
