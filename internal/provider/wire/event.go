package wire

import (
	"bytes"

	"keyfob/internal/provider/scan"
)

// EventType is the "type" of an event's data, for servers that leave out the
// event's name.
func EventType(data []byte) string {
	kind := ""
	s := scan.New(func(path []byte, v scan.Value) {
		if kind == "" && string(path) == "type" && v.Kind == scan.String && !v.Long {
			kind = string(v.Text)
		}
	})
	_, _ = s.Write(data)
	return kind
}

// Blank says whether an event carries nothing: a comment, or no data.
func Blank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }
