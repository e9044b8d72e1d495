package openai

import (
	"net/http"

	"keyfob/internal/provider"
	"keyfob/internal/provider/scan"
	"keyfob/internal/provider/wire"
)

var collections = wire.Collections{
	Names: []string{"responses", "files", "batches", "conversations", "vector_stores", "file_batches", "threads",
		"runs", "assistants", "containers", "uploads", "jobs", "checkpoints", "completions", "evals", "videos",
		"webhooks", "sessions", "calls"},
	Actions: []string{"compact", "input_tokens", "search"},
}

// Inspect implements provider.Adapter. A conversation's marks are the headers
// of clients that name one, the conversation of the responses API, OpenRouter's
// session_id, and prompt_cache_key, in this order: an application may give one
// prompt_cache_key to all that it does.
func (Adapter) Inspect(method, path string, h http.Header, head []byte) provider.Marks {
	r := reader{}
	if id, stateful := collections.State(method, path); stateful {
		wire.Refer(&r.marks, id, false)
	}
	s := scan.New(r.take)
	_, _ = s.Write(head)
	r.marks.Conversation = first(
		wire.Session(h, "Conversation_id", "Conversation-Id", "X-Grok-Conv-Id"),
		r.conversation, r.session, r.cacheKey,
	)
	return r.marks
}

func first(marks ...string) string {
	for _, m := range marks {
		if m != "" {
			return m
		}
	}
	return ""
}

type reader struct {
	marks                           provider.Marks
	conversation, session, cacheKey string
}

func (r *reader) take(path []byte, v scan.Value) {
	if v.Kind != scan.String || len(v.Text) == 0 {
		return
	}
	switch string(path) {
	case "model":
		r.marks.Model = wire.Mark(v)
	case "prompt_cache_key":
		r.cacheKey = wire.Mark(v)
	case "session_id":
		r.session = wire.Mark(v)
	case "conversation", "conversation.id":
		r.conversation = wire.Mark(v)
		wire.Refer(&r.marks, r.conversation, false)
	case "previous_response_id":
		wire.Refer(&r.marks, wire.Mark(v), true)
	default:
		r.reference(path, v)
	}
}

// reference notes what else refers to state of one account. Reasoning that is
// encrypted opens only with the organisation that it was made for; an item
// reference names an item of an earlier answer.
func (r *reader) reference(path []byte, v scan.Value) {
	switch string(path) {
	case "input.#.encrypted_content", "messages.#.audio.id":
		wire.Refer(&r.marks, "", false)
	case "input.#.type":
		if string(v.Text) == "item_reference" {
			wire.Refer(&r.marks, "", false)
		}
	case "input.#.content.#.file_id", "input.#.output.#.file_id", "messages.#.content.#.file.file_id",
		"file_id", "file_ids.#", "input_file_id", "training_file", "validation_file",
		"tools.#.container", "tools.#.container.file_ids.#", "tools.#.vector_store_ids.#",
		"container_id", "vector_store_id", "vector_store_ids.#", "assistant_id", "thread_id",
		"prompt.id", "input_reference.file_id":
		wire.Refer(&r.marks, wire.Mark(v), false)
	}
}

// Meter implements provider.Adapter.
func (Adapter) Meter(contentType string) provider.Meter { return wire.NewMeter(contentType, dialect) }

// dialect: chat completions tell usage.prompt_tokens (in a stream in its last
// chunk, if the client asked for it), responses usage.input_tokens (in a stream
// in the event that ends it), Groq's streams x_groq.usage. What was read from a
// cache is in the input already.
var dialect = wire.Dialect{Known: wire.Input, Place: place}

func place(path, value []byte) wire.Count {
	switch string(path) {
	case "usage.prompt_tokens", "usage.input_tokens", "response.usage.input_tokens", "x_groq.usage.prompt_tokens":
		return wire.Input
	case "usage.completion_tokens", "usage.output_tokens", "response.usage.output_tokens", "x_groq.usage.completion_tokens":
		return wire.Output
	case "id", "response.id", "data.#.id", "conversation.id", "response.conversation.id",
		"output.#.container_id", "item.container_id":
		if wire.HasPrefix(value, "resp_", "file-", "file_", "batch_", "conv_", "vs_", "thread_", "cntr_", "upload_", "asst_", "ftjob-", "video_") {
			return wire.StateID
		}
	}
	return wire.Nothing
}
