package openapi_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"keyfob/internal/httpapi/openapi"
)

func source() string { return filepath.Join("..", "..", "..", "api") }

var update = flag.Bool("update", false, "write the generated reference anew")

//go:generate go test . -run TestReferenceIsUpToDate -update

// The reference in docs, which servers carry, is what the source says.
func TestReferenceIsUpToDate(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "reference", "openapi.json")
	want, err := openapi.Document(source())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/reference/openapi.json has drifted; run: go generate ./internal/httpapi/openapi")
	}
}

func TestDocumentIsTheSameEveryTime(t *testing.T) {
	first, err := openapi.Document(source())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := openapi.Document(source())
		if err != nil || !bytes.Equal(first, again) {
			t.Fatalf("it differs from one time to the next: %v", err)
		}
	}
}
