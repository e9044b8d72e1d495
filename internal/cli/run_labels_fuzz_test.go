package cli

import (
	"testing"

	"keyfob/internal/core"
)

// A repository is somebody else's text: whatever it is, it gives labels that can
// be, or an error.
func FuzzLabelFile(f *testing.F) {
	for _, s := range []string{"", "labels: {a: b}", "labels:\n  a: &x b\n  c: *x\n", "labels: {a: 1, b: true, c: ~}", "---\n---\n", "labels: {<<: {a: b}}", "labels: {'a ': b}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseLabels("keyfob.yaml", text)
		if err != nil {
			return
		}
		for k, v := range got.Labels {
			if _, err := core.ParseLabels([]string{k + "=" + v}); err != nil {
				t.Fatalf("%q=%q is taken: %v", k, v, err)
			}
		}
	})
}
