//go:build unix

package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzResolve: whatever the path and wherever a link in the home leads, a path
// that begins with "~/" ends inside the real home.
func FuzzResolve(f *testing.F) {
	for _, p := range []string{"~/a", "~/l/x", "~/l/../x", "~/../x", "~//x", "~/a/./b", "~/", "/", "/etc/x", "x", "", "~", "~/d/l2/x", "~/\x00", "~/a/"} {
		f.Add(p, "/")
		f.Add(p, "d")
		f.Add(p, "../outside")
	}
	base, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, target string) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		home := filepath.Join(dir, "home")
		for _, d := range []string{filepath.Join(home, "d"), filepath.Join(dir, "outside")} {
			if err := os.MkdirAll(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if os.Symlink(target, filepath.Join(home, "l")) != nil || os.Symlink(target, filepath.Join(home, "d", "l2")) != nil {
			return
		}
		p, err := resolve(home, path)
		if err != nil {
			return
		}
		if strings.HasPrefix(path, "~/") && !inside(home, p.dir) {
			t.Fatalf("%q with a link to %q ends at %s", path, target, p.path())
		}
		if real, err := filepath.EvalSymlinks(p.root); err != nil || real != p.root {
			t.Fatalf("%s still has links in it (%v)", p.root, err)
		}
		if p.base == "." || p.base == ".." || strings.ContainsRune(p.base, filepath.Separator) {
			t.Fatalf("the name is %q", p.base)
		}
	})
}
