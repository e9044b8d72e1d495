package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The reference in docs is what the commands say of themselves.
func TestReferenceIsUpToDate(t *testing.T) {
	for name, want := range reference(newRoot(&Env{})) {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(got) != want {
			t.Errorf("docs/reference/%s has drifted; run: go generate ./internal/cli", name)
		}
	}
}

func TestReferenceIsTheSameEveryTime(t *testing.T) {
	first := reference(newRoot(&Env{}))
	for name, text := range reference(newRoot(&Env{Environ: []string{"HOME=/somewhere"}})) {
		if first[name] != text {
			t.Errorf("%s differs from one time to the next", name)
		}
		if strings.Contains(text, "/root/") || strings.Contains(text, "/home/") {
			t.Errorf("%s names a directory of this machine", name)
		}
	}
}

func TestReferenceGivesDefaults(t *testing.T) {
	page := commandsPage(newRoot(&Env{}))
	for _, want := range []string{"at most a NUMBER of entries (default 50) |", "(default 30d) |", "text or json (default text) |", "`keyfob completion bash`"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(page, "(default false)") || strings.Contains(page, "(default [])") {
		t.Error("a default that says nothing")
	}
}
