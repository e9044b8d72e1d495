package llm

import (
	"context"
	"maps"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// fields names what the edit touches.
func (e MCPEdit) fields() []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"url", e.URL != nil}, {"command", e.Command != nil}, {"args", e.Args != nil}, {"token", e.Token != nil},
		{"headers", len(e.Headers) > 0}, {"env", len(e.Env) > 0}, {"timeout", e.Timeout != nil}, {"enabled", e.Enabled != nil},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}

func (e MCPEdit) touchesValues() bool { return e.Token != nil || len(e.Headers)+len(e.Env) > 0 }

// apply is the record after the edit, sealed anew where its values or what they
// belong to changed.
func (l *LLM) apply(ctx context.Context, tx store.Tx, note guard.Note, old core.SealedMCPServer, e MCPEdit) (core.SealedMCPServer, error) {
	next := old
	set(&next.URL, e.URL)
	set(&next.Command, e.Command)
	set(&next.Args, e.Args)
	set(&next.Timeout, e.Timeout)
	set(&next.Enabled, e.Enabled)
	next.Version++
	next.UpdatedAt = now()
	elsewhere := !sameTarget(old.MCPServer, next.MCPServer)
	if elsewhere {
		if err := e.namesAll(old.MCPServer); err != nil {
			return next, err
		}
	}
	if !e.touchesValues() {
		return next, checkMCP(next.MCPServer, values{})
	}
	v := values{}
	if !elsewhere {
		var err error
		if v, err = l.open(ctx, tx, old); err != nil {
			return next, err
		}
	}
	v = v.edited(e)
	if err := checkMCP(next.MCPServer, v); err != nil {
		return next, err
	}
	next.ValueVersion++
	v.describe(&next.MCPServer)
	return l.seal(ctx, tx, note, next.MCPServer, v)
}

// sameTarget says whether values of the one may go to the other. The arguments
// count: of a command such as npx or sh they say what runs.
func sameTarget(a, b core.MCPServer) bool {
	if a.Transport == core.MCPStdio {
		return a.Command == b.Command && slices.Equal(a.Args, b.Args)
	}
	return seal.MCPBinding(a).Origin == seal.MCPBinding(b).Origin
}

// namesAll refuses an edit that would send stored values to another place:
// whoever can edit a server must not be able to have its values sent elsewhere.
func (e MCPEdit) namesAll(old core.MCPServer) error {
	var missing []core.Detail
	need := func(field, name string, given bool) {
		if !given {
			missing = append(missing, core.Detail{Field: field, Message: name})
		}
	}
	if old.HasToken {
		need("token", "the token", e.Token != nil)
	}
	for _, n := range old.Headers {
		_, ok := e.Headers[n]
		need("headers", n, ok)
	}
	for _, n := range old.Env {
		_, ok := e.Env[n]
		need("env", n, ok)
	}
	if len(missing) == 0 {
		return nil
	}
	err := core.Errorf(core.Invalid, "the values of MCP server %q are bound to where they go now", old.Name).WithReason("values_needed").
		WithHint("to change its address, command or arguments, give each of its values anew or remove it; keyfob mcp edit has --token-file, --header-file NAME=FILE and --env-file NAME=FILE for that, and --no-token, --no-header and --no-env")
	err.Details = missing
	return err
}

func (v values) edited(e MCPEdit) values {
	set(&v.token, e.Token)
	v.headers, v.env = merged(v.headers, e.Headers), merged(v.env, e.Env)
	return v
}

func merged(old map[string]secret.Secret, edit map[string]*secret.Secret) map[string]secret.Secret {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]secret.Secret{}
	}
	for name, v := range edit {
		delete(out, name)
		if v != nil {
			out[name] = *v
		}
	}
	return out
}
