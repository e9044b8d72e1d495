package webui

import (
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"keyfob/internal/core"
)

func TestEveryTextIsThere(t *testing.T) {
	used := map[string]bool{}
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := files.ReadFile("page/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bt "([a-z_]+)"`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
	}
	for key, both := range texts() {
		if both[0] == "" || both[1] == "" {
			t.Errorf("%s lacks a language", key)
		}
		if !used[key] && !regexp.MustCompile(`^error\.`).MatchString(key) {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for key := range used {
		if _, err := translate(german, key); err != nil {
			t.Error(err)
		}
	}
	for _, tongue := range []tongue{english, german} {
		if _, err := templates(tongue); err != nil {
			t.Error(err)
		}
	}
}

// Whoever approves a token must be able to read what it may do.
func TestEveryScopeHasWords(t *testing.T) {
	for _, name := range core.ScopeNames {
		if both := scopes()[name]; both[0] == "" || both[1] == "" || inWords(english, name) != both[0] || inWords(german, name) != both[1] {
			t.Errorf("%s has the words %q", name, both)
		}
	}
	if len(scopes()) != len(core.ScopeNames) {
		t.Error("a scope that there is not has words")
	}
}

func TestTongue(t *testing.T) {
	for in, want := range map[string]tongue{
		"": english, "de": german, "de-CH": german, "en,de": english, "de;q=0.4,en;q=0.5": english, "en;q=0.4,de;q=0.5": german,
		"fr,es": english, "*": english, "de;q=x": german, "de;q=0": english, "DE": german, "fr;q=1,de;q=0.1": german,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", in)
		if got := tongueOf(r); got != want {
			t.Errorf("%q is %s", in, got)
		}
	}
}

func FuzzTongue(f *testing.F) {
	for _, s := range []string{"de;q=1e309,en", ",,;;==", "de;q=-1", "de;q=NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", s)
		if got := tongueOf(r); got != english && got != german {
			t.Errorf("%q is %q", s, got)
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"paths":{"/a":{"get":{"tags":["x"],"responses":{"200":{"content":{"a/b":{"schema":{"$ref":"#/x/"}}}}}}}}}`))
	f.Add([]byte(`{"paths":{"/a":{"get":null}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readDocument(b)
		if err != nil {
			return
		}
		for _, g := range m.Groups {
			if len(g.Operations) == 0 {
				t.Error("a group of nothing")
			}
		}
	})
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration][2]string{
		-time.Hour: {"0 minutes ago", "vor 0 Minuten"}, time.Minute: {"1 minute ago", "vor 1 Minute"}, 59 * time.Minute: {"59 minutes ago", "vor 59 Minuten"},
		time.Hour: {"1 hour ago", "vor 1 Stunde"}, 47 * time.Hour: {"1 day ago", "vor 1 Tag"}, 720 * time.Hour: {"30 days ago", "vor 30 Tagen"},
	} {
		if en, de := age(english, now.Add(-d), now), age(german, now.Add(-d), now); en != want[0] || de != want[1] {
			t.Errorf("%s: %q, %q", d, en, de)
		}
	}
}
