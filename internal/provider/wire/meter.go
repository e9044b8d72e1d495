package wire

import (
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
		m.w = scan.NewEvents(m.take)
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		m.w = scan.New(m.take)
	}
	return m
}

// Write reads on. It never fails.
func (m *Meter) Write(p []byte) (int, error) { return m.w.Write(p) }

func (m *Meter) take(path []byte, v scan.Value) {
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
	if !m.seen[m.d.Known] {
		return provider.Tokens{}
	}
	return provider.Tokens{
		Input:  m.values[Input] + m.values[InputCacheRead] + m.values[InputCacheWrite] + m.values[InputTool],
		Output: m.values[Output] + m.values[OutputThought],
		Known:  true,
	}
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
