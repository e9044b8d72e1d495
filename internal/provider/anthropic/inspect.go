package anthropic

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/scan"
	"keyfob/internal/provider/wire"
)

var collections = wire.Collections{
	Names:   []string{"files", "batches", "skills", "containers", "sessions", "agents", "environments"},
	Actions: []string{"count_tokens"},
}

// Inspect implements provider.Adapter. A conversation's marks are Claude Code's
// header, the session in its metadata.user_id, and the headers of other
// clients; a bare user_id is a person, not a conversation. The signatures of
// thinking blocks are valid with every account, so they bind to none.
func (Adapter) Inspect(method, path string, h http.Header, head []byte) provider.Marks {
	var m provider.Marks
	if id, stateful := collections.State(method, path); stateful {
		wire.Refer(&m, id, false)
	}
	session := ""
	s := scan.New(func(path []byte, v scan.Value) {
		if v.Kind == scan.String {
			take(&m, &session, path, v)
		}
	})
	_, _ = s.Write(head)
	if m.Conversation = wire.Session(h, "X-Claude-Code-Session-Id"); m.Conversation == "" {
		m.Conversation = session
	}
	return m
}

func take(m *provider.Marks, session *string, path []byte, v scan.Value) {
	switch string(path) {
	case "model":
		m.Model = wire.Mark(v)
	case "metadata.user_id":
		*session = sessionOf(v)
	case "container", "container.id":
		if text := wire.Mark(v); text != "" {
			wire.Refer(m, text, true)
		}
	default:
		if isFile(path) && bytes.HasPrefix(v.Text, []byte("file_")) {
			wire.Refer(m, wire.Mark(v), false)
		}
	}
}

// isFile says whether a path is that of a file's id in a message: in a block's
// source, or in a container_upload block. What a tool was given (below "input")
// is the model's text and refers to nothing.
func isFile(path []byte) bool {
	return bytes.HasPrefix(path, []byte("messages.#.content.")) && bytes.HasSuffix(path, []byte(".file_id")) &&
		!bytes.Contains(path, []byte(".input."))
}

// sessionOf is the session in a metadata.user_id of Claude Code, which is
// either "user_…_account_…_session_UUID" or a JSON object with session_id.
func sessionOf(v scan.Value) string {
	text := string(v.Text)
	if v.Long || len(text) == 0 {
		return ""
	}
	if text[0] == '{' {
		var id struct {
			Session string `json:"session_id"`
		}
		if json.Unmarshal(v.Text, &id) != nil {
			return ""
		}
		return wire.Short(id.Session)
	}
	i := strings.LastIndex(text, "_session_")
	if i < 0 {
		return ""
	}
	return wire.Short(text[i+len("_session_"):])
}

// Meter implements provider.Adapter.
func (Adapter) Meter(contentType string) provider.Meter { return wire.NewMeter(contentType, dialect) }

// dialect: an answer's usage stands in usage; a stream's input in
// message_start, its output, as a running total, in message_delta. Until that
// has come the output is unknown.
var dialect = wire.Dialect{Known: wire.Output, Place: place}

func place(path, value []byte) wire.Count {
	switch string(path) {
	case "usage.input_tokens", "message.usage.input_tokens":
		return wire.Input
	case "usage.cache_read_input_tokens", "message.usage.cache_read_input_tokens":
		return wire.InputCacheRead
	case "usage.cache_creation_input_tokens", "message.usage.cache_creation_input_tokens":
		return wire.InputCacheWrite
	case "usage.output_tokens":
		return wire.Output
	case "id", "data.#.id":
		return ifPrefix(value, "file_", "msgbatch_", "skill_")
	case "container.id", "message.container.id", "delta.container.id":
		return wire.StateID
	}
	if bytes.HasSuffix(path, []byte(".file_id")) && !bytes.Contains(path, []byte(".input.")) {
		return ifPrefix(value, "file_")
	}
	return wire.Nothing
}

func ifPrefix(value []byte, prefixes ...string) wire.Count {
	if wire.HasPrefix(value, prefixes...) {
		return wire.StateID
	}
	return wire.Nothing
}
