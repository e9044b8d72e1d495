package google

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/scan"
	"keyfob/internal/provider/wire"
)

// collections hold state of one project. A model of one's own is one as well.
var collections = []string{
	"files", "cachedContents", "tunedModels", "operations", "batches", "interactions", "fileSearchStores",
	"corpora", "documents",
}

// Inspect implements provider.Adapter. The model stands in the path
// ("/v1beta/models/NAME:generateContent"). The dialect has no mark of a
// conversation, so only the headers that clients send to any provider count.
func (Adapter) Inspect(method, path string, h http.Header, head []byte) provider.Marks {
	m := provider.Marks{Model: modelOf(path), Conversation: wire.Session(h)}
	statePath(&m, method, path)
	s := scan.New(func(path []byte, v scan.Value) {
		if v.Kind == scan.String {
			take(&m, path, v)
		}
	})
	_, _ = s.Write(head)
	return m
}

// modelOf is the segment after "models", less the method behind its colon.
func modelOf(path string) string {
	_, rest, ok := strings.Cut(path, "/models/")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "/")
	name, _, _ := strings.Cut(rest, ":")
	return wire.Short(name)
}

// statePath notes the last collection that the path names a member of, by its
// resource name ("files/abc"), and a list of all members.
func statePath(m *provider.Marks, method, path string) {
	segs := strings.Split(path, "/")
	for i, seg := range segs {
		switch {
		case !slices.Contains(collections, seg):
		case i+1 < len(segs) && segs[i+1] != "":
			id, _, _ := strings.Cut(segs[i+1], ":")
			wire.Refer(m, resource(seg+"/"+id), true)
		case method == http.MethodGet:
			wire.Refer(m, "", false)
		}
	}
}

func take(m *provider.Marks, path []byte, v scan.Value) {
	switch string(path) {
	case "model":
		if m.Model == "" {
			m.Model = strings.TrimPrefix(wire.Mark(v), "models/")
		}
	case "cachedContent", "generateContentRequest.cachedContent", "previous_interaction_id":
		if text := wire.Mark(v); text != "" {
			wire.Refer(m, text, true)
		}
	default:
		if isFile(path) {
			referFile(m, wire.Mark(v))
		}
	}
}

func isFile(path []byte) bool {
	return bytes.HasSuffix(path, []byte(".fileData.fileUri")) || bytes.HasSuffix(path, []byte(".file_data.file_uri")) ||
		bytes.HasSuffix(path, []byte("fileSearchStoreNames.#"))
}

func referFile(m *provider.Marks, uri string) {
	if name := resource(uri); name != "" {
		wire.Refer(m, name, false)
	}
}

// resource is the resource name at the end of an address or a name: files are
// referred to by "https://HOST/v1beta/files/ID". What is none, such as a link to
// a video, is "".
func resource(s string) string {
	parts := strings.Split(s, "/")
	if n := len(parts); n >= 2 && slices.Contains(collections, parts[n-2]) && parts[n-1] != "" {
		return parts[n-2] + "/" + parts[n-1]
	}
	return ""
}

// Meter implements provider.Adapter.
func (Adapter) Meter(contentType string) provider.Meter { return wire.NewMeter(contentType, dialect) }

// dialect: usageMetadata stands in an answer and in each chunk of a stream, as
// a running total; a stream that is not server-sent events is an array of
// chunks. What was read from a cache is in the prompt's count already, thoughts
// are not in the candidates'.
var dialect = wire.Dialect{Known: wire.Input, Place: place, ID: resource}

func place(path, value []byte) wire.Count {
	switch string(bytes.TrimPrefix(path, []byte("#."))) {
	case "usageMetadata.promptTokenCount", "usage.prompt_tokens", "usage.total_input_tokens":
		return wire.Input
	case "usageMetadata.toolUsePromptTokenCount":
		return wire.InputTool
	case "usageMetadata.candidatesTokenCount", "usage.completion_tokens", "usage.total_output_tokens":
		return wire.Output
	case "usageMetadata.thoughtsTokenCount":
		return wire.OutputThought
	case "name", "file.name", "files.#.name", "cachedContents.#.name":
		if resource(string(value)) != "" {
			return wire.StateID
		}
	}
	return wire.Nothing
}
