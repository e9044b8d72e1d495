package sinkfile

import (
	"bytes"
	"os"
	"testing"
)

// Whatever a file ends with, the copy goes on behind its last whole line or says
// that the file is not its own; whole lines stay as they are.
func FuzzTail(f *testing.F) {
	s := newSource(1)
	path := f.TempDir() + "/seed"
	if err := s.send(New(path), 1000); err != nil {
		f.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{0, 1, 20, len(full) / 2, len(full) - 1, len(full)} {
		f.Add(full[:n])
	}
	f.Add(append(bytes.Clone(full), "{\"checkpoint\":\n"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := t.TempDir() + "/audit.jsonl"
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		sink := New(path)
		defer sink.Close()
		_, err := sink.Position(t.Context())
		got, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		if err != nil && !bytes.Equal(got, text) || err == nil && !bytes.Equal(got, whole) {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	})
}
