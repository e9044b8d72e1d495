package wire

import (
	"bytes"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/scan"
)

// Limits of a meter.
const (
	maxStateIDs = 16
	maxStateID  = 256  // bytes
	maxTokens   = 1e12 // more is no count
)

// Count is what one place in an answer tells.
type Count uint8

// The counts. Those of a kind are added up: what was read from or written to a
// cache is input too, where the provider counts it apart.
const (
	Nothing Count = iota
	Input
	InputCacheRead
	InputCacheWrite
	InputTool
	Output
	OutputThought
	StateID
	counts
)

// Dialect says where a provider's answers tell what they used.
type Dialect struct {
	// Place judges a place in an answer's JSON, or in an event's (see
	// scan.Emit for its form). For a StateID value is the text.
	Place func(path, value []byte) Count
	// Known is the count without which nothing is known: the last to come.
	Known Count
	// ID gives an id the form in which requests refer to it; nil: as it is.
	ID func(string) string
}

// Meter reads usage by a dialect. It implements provider.Meter.
type Meter struct {
	d      Dialect
	w      io.Writer
	stream bool  // text is that of its events
	text   int64 // bytes
	values [counts]int64
	seen   [counts]bool
	ids    []string
}

var _ provider.Meter = (*Meter)(nil)

// NewMeter makes a meter for an answer of this type: JSON, or server-sent
// events with JSON in them. Of any other type it reads nothing.
func NewMeter(contentType string, d Dialect) *Meter {
	m := &Meter{d: d, w: io.Discard}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
	case media == "text/event-stream":
		m.w, m.stream = scan.NewEvents(m.take), true
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		m.w = scan.New(m.take)
	}
	return m
}

// Write reads on. It never fails.
func (m *Meter) Write(p []byte) (int, error) {
	if !m.stream && m.w != io.Discard {
		m.text += int64(len(p))
	}
	return m.w.Write(p)
}

func (m *Meter) take(path []byte, v scan.Value) {
	if m.stream && v.Kind == scan.String && isText(path) {
		m.text += int64(len(v.Text))
	}
	if v.Long {
		return
	}
	switch c := m.d.Place(path, v.Text); {
	case c == Nothing:
	case c == StateID:
		m.addID(v)
	case v.Kind == scan.Literal:
		if n, err := strconv.ParseInt(string(v.Text), 10, 64); err == nil && n >= 0 && n <= maxTokens {
			m.values[c], m.seen[c] = n, true // the last one counts: streams tell running totals
		}
	}
}

func (m *Meter) addID(v scan.Value) {
	if v.Kind != scan.String || len(v.Text) > maxStateID || len(m.ids) == maxStateIDs {
		return
	}
	id := string(v.Text)
	if m.d.ID != nil {
		id = m.d.ID(id)
	}
	if id != "" && !slices.Contains(m.ids, id) {
		m.ids = append(m.ids, id)
	}
}

// Tokens implements provider.Meter.
func (m *Meter) Tokens() provider.Tokens {
	return provider.Tokens{
		Input:  m.values[Input] + m.values[InputCacheRead] + m.values[InputCacheWrite] + m.values[InputTool],
		Output: m.values[Output] + m.values[OutputThought],
		Known:  m.seen[m.d.Known],
	}
}

// Seen implements provider.Meter. An answer that is neither JSON nor a stream of
// it has no text.
func (m *Meter) Seen() provider.Seen { return provider.Seen{Input: m.seen[Input], Text: m.text} }

// isText says whether a string of an event's is taken for what the model wrote:
// any is that does not stand where dialects say what the event is, and is not in
// a snapshot of the whole answer.
func isText(path []byte) bool {
	return !frame[string(path[bytes.LastIndexByte(path, '.')+1:])] && !bytes.HasPrefix(path, []byte("response."))
}

// frame is the names of what belongs to events and not to their text.
var frame = map[string]bool{
	"type": true, "id": true, "object": true, "model": true, "role": true, "status": true, "index": true,
	"service_tier": true, "system_fingerprint": true, "finish_reason": true, "stop_reason": true, "stop_sequence": true,
	"item_id": true, "call_id": true, "tool_use_id": true, "response_id": true, "obfuscation": true,
	"signature": true, "encrypted_content": true, "thoughtSignature": true,
	"finishReason": true, "modelVersion": true, "responseId": true, "modality": true, "createTime": true,
}

// StateIDs implements provider.Meter.
func (m *Meter) StateIDs() []string { return append([]string(nil), m.ids...) }

// HasPrefix says whether an id begins like one of these.
func HasPrefix(id []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if len(id) > len(p) && string(id[:len(p)]) == p {
			return true
		}
	}
	return false
}
