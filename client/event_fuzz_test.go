package client

import (
	"strings"
	"testing"
)

// Whatever a server sends, an event has the data of its own lines and an id of
// one line; nothing is handed on after the reader has had enough.
func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\ndata: {\"id\":\"1\",\"kind\":\"secret\"}\n\n", 3)
	f.Add(":\r\n\r\ndata\n\ndata:{}\n\nid:\x00\n", 1)
	f.Add("data: a\ndata: b\n\n\n\nid\ndata:c\n\n", 2)
	f.Fuzz(func(t *testing.T, body string, most int) {
		got, lines := 0, 0
		_ = readEvents(strings.NewReader(body), func() { lines++ }, func(id, data string) bool {
			if strings.ContainsAny(id, "\n\x00") {
				t.Errorf("id %q", id)
			}
			for part := range strings.SplitSeq(data, "\n") {
				if !strings.Contains(body, part) {
					t.Errorf("data %q is nowhere in %q", part, body)
				}
			}
			got++
			return got < most
		})
		if got > max(most, 1) || lines > strings.Count(body, "\n")+1 {
			t.Errorf("%d events, %d lines of %q", got, lines, body)
		}
	})
}
