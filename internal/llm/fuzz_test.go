package llm

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"

	"keyfob/internal/seal"
)

// What is kept as parameters is one object that every reader reads alike.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{`{}`, ` {"a": [1, {"b": null}]} `, `{"a":1,"a":2}`, `[]`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1}{`, `{"":{"":{}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kept, err := parameters(text)
		if err != nil || kept == nil {
			return
		}
		var object map[string]any
		if len(kept) > maxParameters || json.Unmarshal(kept, &object) != nil || len(object) == 0 {
			t.Fatalf("%q is kept as %q", text, kept)
		}
		again, err := parameters(kept)
		if err != nil || !bytes.Equal(again, kept) {
			t.Errorf("%q becomes %q, %v", kept, again, err)
		}
	})
}

// A URL that is taken has an origin that values can be bound to, and is
// encrypted or of this machine.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://x.example/a", "http://localhost:1", "http://[::1]/", "http://127.1", "HTTP://LOCALHOST", "http://localhost@eve.example", "https://a\\@b", "http://[::ffff:127.0.0.1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if checkURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Origin(raw); err != nil || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			t.Errorf("%q is taken", raw)
		}
	})
}
