package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
)

// A keyfob.yaml comes with a repository and is read before anything else. A pipe
// in its place made run wait for ever, a second document was dropped in silence,
// and a label that cannot be was quoted without naming the file.
func TestHostileLabelFile(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":         "\x00\x01",
		"other keys":       "labels: {a: b}\nsecrets: {}\n",
		"second document":  "labels: {a: b}\n---\nlabels: {a: c}\n",
		"aliases":          "x: &a [y, y]\nlabels: [*a, *a]\n",
		"deep":             strings.Repeat("[", 60_000),
		"large":            "labels: {a: b}\n" + strings.Repeat("# canary\n", 10_000),
		"key twice":        "labels: {a: b, a: c}\n",
		"escape sequence":  `labels: {a: "\e[31mcanary"}`,
		"too many":         "labels: {" + manyLabels() + "}",
		"a list of labels": "labels: [canary]\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), labelFileName)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readLabels(path)
			refusedLabels(t, path, err)
		})
	}
	for name, target := range map[string]string{"device": os.DevNull, "directory": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), labelFileName)
			if err := os.Symlink(target, path); err != nil {
				t.Skipf("SKIPPED %s: no links here: %v", t.Name(), err)
			}
			_, err := readLabels(path)
			refusedLabels(t, path, err)
		})
	}
}

func manyLabels() string {
	var b strings.Builder
	for i := range 40 {
		b.WriteString("k" + strings.Repeat("x", i) + ": v, ")
	}
	return b.String()
}

func refusedLabels(t *testing.T, path string, err error) {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeInvalid || e.Hint == "" || !strings.Contains(e.Message, path) || strings.Contains(e.Message+e.Hint, "canary") {
		t.Errorf("%v", err)
	}
}
