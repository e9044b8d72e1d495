package llm

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// values are what is sealed of an MCP server, together.
type values struct {
	token   secret.Secret
	headers map[string]secret.Secret
	env     map[string]secret.Secret
}

// sealedValues is the JSON that is sealed; []byte is base64 in it.
type sealedValues struct {
	Token   []byte            `json:"token,omitempty"`
	Headers map[string][]byte `json:"headers,omitempty"`
	Env     map[string][]byte `json:"env,omitempty"`
}

func (v values) empty() bool { return v.token.IsZero() && len(v.headers)+len(v.env) == 0 }

// describe says in the record which values there are.
func (v values) describe(m *core.MCPServer) {
	m.HasToken = !v.token.IsZero()
	m.Headers, m.Env = slices.Sorted(maps.Keys(v.headers)), slices.Sorted(maps.Keys(v.env))
}

// seal closes the values for the record's place and notes what is to be stored;
// without values there is no ciphertext.
func (l *LLM) seal(ctx context.Context, tx store.Tx, note guard.Note, m core.MCPServer, v values) (core.SealedMCPServer, error) {
	out := core.SealedMCPServer{MCPServer: m}
	if !v.empty() {
		key, err := l.keys.Ensure(ctx, tx.Vault(), m.Owner)
		if err != nil {
			return out, err
		}
		text, err := v.encode()
		if err != nil {
			return out, err
		}
		if out.Ciphertext, err = key.Seal(seal.MCPBinding(m), text); err != nil {
			return out, err
		}
		out.KeyID = key.ID()
		note("upstream", seal.MCPBinding(m).Origin)
	}
	return out, nil
}

func (l *LLM) open(ctx context.Context, tx store.Tx, m core.SealedMCPServer) (values, error) {
	if m.KeyID == "" {
		return values{}, nil
	}
	key, err := l.keys.Open(ctx, tx.Vault(), m.Owner)
	if err != nil {
		return values{}, err
	}
	text, err := key.Open(seal.MCPBinding(m.MCPServer), m.Ciphertext)
	if err != nil {
		return values{}, err
	}
	return decode(text)
}

func (v values) encode() (secret.Secret, error) {
	s := sealedValues{Token: v.token.Reveal(), Headers: bytesOf(v.headers), Env: bytesOf(v.env)}
	text, err := json.Marshal(s)
	if err != nil {
		return secret.Secret{}, core.Errorf(core.Internal, "the values cannot be put together").WithHint("report this as a defect").Wrap(err)
	}
	defer clear(text)
	return secret.New(text), nil
}

// decode names no cause: what stands in a decoder's error may be of a value.
func decode(text secret.Secret) (values, error) {
	raw := text.Reveal()
	defer clear(raw)
	var s sealedValues
	if json.Unmarshal(raw, &s) != nil {
		return values{}, core.Errorf(core.Internal, "the values of an MCP server cannot be read").WithHint("enter them again")
	}
	return values{token: secret.New(s.Token), headers: secretsOf(s.Headers), env: secretsOf(s.Env)}, nil
}

func bytesOf(m map[string]secret.Secret) map[string][]byte {
	out := make(map[string][]byte, len(m))
	for k, v := range m {
		out[k] = v.Reveal()
	}
	return out
}

func secretsOf(m map[string][]byte) map[string]secret.Secret {
	out := make(map[string]secret.Secret, len(m))
	for k, v := range m {
		out[k] = secret.New(v)
	}
	return out
}
