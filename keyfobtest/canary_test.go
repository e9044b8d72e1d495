package keyfobtest_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/keyfobtest"
)

const value = `cAnAry<&"\ü/+ 7f3a9`

func TestCanaryFindsEveryForm(t *testing.T) {
	inJSON, _ := json.Marshal(map[string]string{"v": value})
	leaks := map[string]string{
		"plain": value, "hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
		"query": url.QueryEscape(value), "path": url.PathEscape(value), "json": string(inJSON),
		"html": html.EscapeString(value), "quoted": fmt.Sprintf("%q", value), "ascii": fmt.Sprintf("%+q", value),
	}
	for i := range 3 {
		text := strings.Repeat("x", i) + value + "tail"
		leaks[fmt.Sprintf("std%d", i)] = base64.StdEncoding.EncodeToString([]byte(text))
		leaks[fmt.Sprintf("url%d", i)] = base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	c := keyfobtest.NewCanary(map[string]string{"TOKEN": value, "OTHER": "never there at all"})
	for name, leak := range leaks {
		hits := c.Find([]byte("before " + leak + " after"))
		if len(hits) == 0 || hits[0].Name != "TOKEN" {
			t.Errorf("%s: %v", name, hits)
		}
		for _, h := range hits {
			if strings.Contains(h.String(), value) {
				t.Errorf("%s: the hit shows the value", name)
			}
		}
	}
	if hits := c.Find([]byte("nothing here, " + value[:len(value)-1])); len(hits) != 0 {
		t.Errorf("found %v", hits)
	}
}

// TestCanaryFindsWhatIsInsideBase64 is the property behind the three alignments.
func TestCanaryFindsWhatIsInsideBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Byte(), 9, 40).Draw(t, "value")
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		after := rapid.SliceOf(rapid.Byte()).Draw(t, "after")
		e := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding}).Draw(t, "encoding")
		whole := append(append(before, v...), after...)
		if len(keyfobtest.NewCanary(map[string]string{"v": string(v)}).Find([]byte(e.EncodeToString(whole)))) == 0 {
			t.Fatal("not found")
		}
	})
}

func TestCanaryInADirectory(t *testing.T) {
	dir := t.TempDir()
	c := keyfobtest.NewCanary(map[string]string{"TOKEN": "sk-canary-123456"})
	if err := os.MkdirAll(filepath.Join(dir, "a", "sk-canary-123456"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := 2
	if err := os.WriteFile(filepath.Join(dir, "a", "f"), []byte("x sk-canary-123456"), 0o600); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" { // links need a privilege there
		want = 3
		if err := os.Symlink("/tmp/sk-canary-123456", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
	}
	hits, err := c.FindDir(dir)
	if err != nil || len(hits) != want {
		t.Fatalf("%v %v", hits, err)
	}
	for _, h := range hits {
		if h.Path == "" || (h.Offset >= 0) != strings.HasSuffix(h.Path, "f") {
			t.Errorf("%+v", h)
		}
	}
	if _, err := c.FindDir(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent directory is clean")
	}
}
