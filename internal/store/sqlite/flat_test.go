package sqlite_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/store/sqlite"
)

// Whatever stands in the file, it reads as package json reads it.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{
		`{"a":"b"}`, `{"a":"b","c":""}`, `{"a":"b","a":"c"}`, `{}`, `{ "a":"b"}`, `{"a":"b",}`, `{"a":1}`, `{"a":"\u003c"}`, `{"a"}`, `{"a":}`, `{"a":"b"`,
		`["a"]`, `["a","b,c"]`, `[]`, `["a",]`, `["a" ]`, `["a"],`, `[""]`, `["a\"b"]`, "[\"\xff\"]", "[\"\x01\"]", `null`, `"a"`, `[`, `{"`, `["a"]]`, `{"a":"b"}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		agree[map[string]string](t, s)
		agree[core.Selector](t, s)
		agree[[]string](t, s)
	})
}

func agree[T any](t *testing.T, s string) {
	t.Helper()
	var want, got T
	wantErr, gotErr := json.Unmarshal([]byte(s), &want), sqlite.Unmarshal(s, &got)
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%q: %v, want %v", s, gotErr, wantErr)
	}
	if d := cmp.Diff(want, got); wantErr == nil && d != "" {
		t.Fatalf("%q (-want +got)\n%s", s, d)
	}
}
