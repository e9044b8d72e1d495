//go:build unix

package crash

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeliveredFilesAfterKill kills `run` 200 times on two homes while it writes
// files, while its command runs and while it takes the files away. At no time is
// there a file that is not whole; other people's files stay as they are, also one
// that stands where a secret aims; and the next start leaves nothing behind.
func TestDeliveredFilesAfterKill(t *testing.T) {
	for home := range 2 {
		t.Run(fmt.Sprint("home ", home), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			others := p.others(t)
			whole := map[string][]byte{}
			for i := range 4 {
				path := fmt.Sprintf(".config/app/credentials-%d", i)
				whole[path] = bytes.Repeat([]byte(fmt.Sprintf("line %d of a credential\n", i)), 10_000*(i+1)/4)
				p.must(t, whole[path], "secret", "set", fmt.Sprint("file", i), "--file", "~/"+path)
			}
			p.must(t, []byte("ours"), "secret", "set", "taken", "--file", "~/.config/app/of-somebody-else")
			p.must(t, nil, "run", "--", "true")

			for range 100 {
				p.kill(t, p.rand.IntN(2) == 0, nil, "run", "--", "cat", ".config/app/credentials-0")
				p.wantWhole(t, whole)
				others.want(t)
			}

			p.must(t, nil, "run", "--", "true")
			others.want(t)
			others.wantNothingElse(t, p.home)
			p.must(t, nil, "audit", "verify")
		})
	}
}

// foreign are files of other people, by path, with their bytes.
type foreign map[string]string

func (p *place) others(t *testing.T) foreign {
	t.Helper()
	f := foreign{}
	for _, name := range []string{".config/app/of-somebody-else", ".config/app/settings", ".config/other", "notes"} {
		path := filepath.Join(p.home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f[path] = "somebody's " + name
		if err := os.WriteFile(path, []byte(f[path]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f foreign) want(t *testing.T) {
	t.Helper()
	for path, text := range f {
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Fatalf("%s holds %.40q (%v), and was %q", path, got, err, text)
		}
	}
}

// wantNothingElse fails if below home a file is left that was not there.
func (f foreign) wantNothingElse(t *testing.T, home string) {
	t.Helper()
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && f[path] == "" {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantWhole fails if a delivered file has other bytes than its secret, or a mode
// that lets others read it. Not being there is fine.
func (p *place) wantWhole(t *testing.T, whole map[string][]byte) {
	t.Helper()
	for name, want := range whole {
		path := filepath.Join(p.home, name)
		got, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s has %d bytes (%v), want all %d or no file", name, len(got), err, len(want))
		}
		p.wantPrivate(t, path)
	}
	// Temporary files may be there until the next start, but for us alone.
	entries, err := os.ReadDir(filepath.Join(p.home, ".config/app"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "credentials") || e.Name() == "settings" || e.Name() == "of-somebody-else" {
			continue
		}
		p.wantPrivate(t, filepath.Join(p.home, ".config/app", e.Name()))
	}
}

func (p *place) wantPrivate(t *testing.T, path string) {
	t.Helper()
	stat, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return // the program whose group was left alive took it away
	}
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%s: mode %v (%v), want 0600", path, stat.Mode(), err)
	}
}
