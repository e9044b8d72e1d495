package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	const before = `{"a":{"type":"api","key":"1"},"b":{"type":"oauth","refresh":"2"}}`
	for _, c := range []struct {
		name, after string
		want        []string
		repaired    bool
	}{
		{"untouched", before, []string{`"a"`, `"b"`}, false},
		{"a login wrote blindly", `{"c":{"type":"api","key":"3"}}`, []string{`"a"`, `"b"`, `"c"`}, true},
		{"an entry was renewed blindly", `{"a":{"type":"api","key":"9"}}`, []string{`"9"`, `"b"`}, true},
		{"a logout wrote blindly", `{}`, []string{`"a"`, `"b"`}, true},
		{"written by someone who saw all", `{"a":1,"c":2}`, []string{`"a"`, `"c"`}, false},
		{"no JSON", `oops`, []string{`oops`}, false},
	} {
		p := filepath.Join(t.TempDir(), "auth.json")
		if err := os.WriteFile(p, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		g := NewGuard([]string{p, filepath.Join(t.TempDir(), "none")})
		if err := os.WriteFile(p, []byte(c.after), 0o600); err != nil {
			t.Fatal(err)
		}
		done, err := g.Close()
		if err != nil || (len(done) == 1) != c.repaired {
			t.Errorf("%s: %q, %v", c.name, done, err)
		}
		b, _ := os.ReadFile(p)
		for _, w := range c.want {
			if !strings.Contains(string(b), w) {
				t.Errorf("%s: %s is not in %s", c.name, w, b)
			}
		}
		if !c.repaired && string(b) != c.after {
			t.Errorf("%s: changed to %s", c.name, b)
		}
	}
}
