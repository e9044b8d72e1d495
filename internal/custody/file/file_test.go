package file_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/custody/file"
	"keyfob/internal/secret"
)

func TestCreateThenOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	d := file.New(path)
	made, err := d.Create(t.Context())
	if err != nil || made.Len() != 32 {
		t.Fatalf("%d bytes, %v", made.Len(), err)
	}
	got, err := file.New(path).Open(t.Context())
	if err != nil || !got.Equal(made) {
		t.Fatalf("another key: %v", err)
	}
	again, err := d.Create(t.Context())
	if err != nil || !again.Equal(made) {
		t.Fatalf("the key was replaced: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	text, _ := os.ReadFile(path)
	if !bytes.HasPrefix(text, []byte("# Keyfob root key")) {
		t.Errorf("no comment says what it is:\n%s", text)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	other, err := file.New(filepath.Join(t.TempDir(), "root.key")).Create(t.Context())
	if err != nil || other.Equal(made) {
		t.Fatalf("two vaults have one key: %v", err)
	}
}

func TestCreateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	keys := make([]secret.Secret, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = file.New(path).Create(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if !k.Equal(keys[0]) {
			t.Fatal("two processes hold different keys")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := string(file.Format(secret.New(bytes.Repeat([]byte{7}, 32)), time.Unix(0, 0)))
	line := good[strings.Index(good, "KEYFOB-ROOT"):]
	cases := map[string]struct {
		text string
		mode os.FileMode
		hint string
	}{
		"group may read":  {good, 0o640, "chmod 600"},
		"others may read": {good, 0o604, "chmod 600"},
		"empty":           {"", 0o600, "put back"},
		"comments only":   {"# nothing\n", 0o600, "put back"},
		"cut off":         {good[:len(good)-9], 0o600, "put back"},
		"misspelt":        {strings.Replace(line, "A", "1", 1), 0o600, "put back"},
		"lower case":      {strings.ToLower(line), 0o600, "put back"},
		"two keys":        {line + line, 0o600, "put back"},
		"wrong checksum":  {strings.TrimSpace(line[:len(line)-2]) + "A", 0o600, "put back"},
		"other text":      {"canary", 0o600, "put back"},
		"too large":       {line + strings.Repeat("#\n", 4096), 0o600, "put back"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.mode != 0o600 && runtime.GOOS == "windows" {
				t.Skip("SKIPPED " + t.Name() + ": modes say nothing on Windows")
			}
			path := filepath.Join(t.TempDir(), "root.key")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.hint)
			if now, _ := os.ReadFile(path); string(now) != c.text {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "root.key")
		_, err := file.New(path).Open(t.Context())
		if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), path) {
			t.Fatal(err)
		}
	})
	t.Run("directory", func(t *testing.T) { refused(t, t.TempDir(), "put back") })
}

// refused checks both ways to the key: neither gives nor replaces one.
func refused(t *testing.T, path, hint string) {
	t.Helper()
	d := file.New(path)
	_, openErr := d.Open(t.Context())
	_, createErr := d.Create(t.Context())
	for _, err := range []error{openErr, createErr} {
		if core.CodeOf(err) != core.Unavailable {
			t.Fatalf("%v", err)
		}
		e := err.(*core.Error)
		if !strings.Contains(e.Hint, hint) || !strings.Contains(e.Message, path) {
			t.Errorf("%q, hint %q", e.Message, e.Hint)
		}
		if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "A4DQ") {
			t.Errorf("%v shows the text", err)
		}
	}
}

func TestCreateWithoutDirectory(t *testing.T) {
	_, err := file.New(filepath.Join(t.TempDir(), "missing", "root.key")).Create(t.Context())
	if core.CodeOf(err) != core.Unavailable || err.(*core.Error).Hint == "" {
		t.Fatal(err)
	}
}

func TestDescription(t *testing.T) {
	d := file.New("/x/root.key")
	if d.Name() != "file" || d.Place() != "/x/root.key" || len(d.Variables()) != 0 || !strings.Contains(d.Protects(), "does not protect") {
		t.Error(d.Name(), d.Place(), d.Variables(), d.Protects())
	}
}

func FuzzParse(f *testing.F) {
	key := secret.New(bytes.Repeat([]byte{7}, 32))
	f.Add(file.Format(key, time.Unix(0, 0)))
	f.Add([]byte("# x\n\nKEYFOB-ROOT-KEY-1-"))
	f.Add([]byte("KEYFOB-ROOT-KEY-1-" + strings.Repeat("A", 59)))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := file.Parse(text)
		if err != nil {
			if !got.IsZero() {
				t.Fatal("a key and an error")
			}
			return
		}
		again, err := file.Parse(file.Format(got, time.Unix(0, 0)))
		if err != nil || !again.Equal(got) || got.Len() != 32 {
			t.Fatalf("what opened does not come back: %v", err)
		}
	})
}
