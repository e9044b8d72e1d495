package seal_test

import (
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/seal"
)

func TestOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://api.openai.com/v1":     "https://api.openai.com:443",
		"https://api.openai.com:443":    "https://api.openai.com:443",
		"HTTPS://API.OpenAI.com/":       "https://api.openai.com:443",
		"http://127.0.0.1:8080/x?y=z#f": "http://127.0.0.1:8080",
		"http://[::1]":                  "http://[::1]:80",
		"https://[2001:DB8::1]:9/":      "https://[2001:db8::1]:9",
	} {
		if got, err := seal.Origin(in); err != nil || got != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "api.openai.com", "ftp://x", "https://", "https:///v1", "https://u:canary@h/", "://", "https://h:p/", "http://[fe80::1%25en0]/", "\x00"} {
		got, err := seal.Origin(in)
		if core.CodeOf(err) != core.Invalid || got != "" {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v shows the password", err)
		}
	}
}

// Whoever could write to the database, but had not the root key, could have a
// credential sent to a host of their own: the base URL with a dotted capital I
// for an i. In lower case, which is how the binding compared, that is the same
// name; for the resolver it is another one, which anybody can register.
func TestOriginOfALookAlikeHost(t *testing.T) {
	for _, in := range []string{"https://api.anthropİc.com", "https://api.anthrop%C4%B0c.com/v1", "https://api.deepsee\u212a.com", "https://b\u00fccher.example"} {
		if got, err := seal.Origin(in); core.CodeOf(err) != core.Invalid || got != "" {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := seal.Origin("https://xn--bcher-kva.example"); err != nil {
		t.Error(err)
	}
}

func TestAccountBindingFollowsTheOrigin(t *testing.T) {
	a := core.Account{ID: "a", Owner: core.Local, BaseURL: "https://h/v1", ValueVersion: 1}
	b := a
	b.BaseURL = "https://H:443/v2"
	if seal.AccountBinding(a) != seal.AccountBinding(b) {
		t.Error("another path of the same origin is another place")
	}
	b.BaseURL = "https://h:444/v1"
	if seal.AccountBinding(a) == seal.AccountBinding(b) {
		t.Error("another port is the same place")
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("https://api.openai.com/v1")
	f.Add("http://[::1%25en0]:80/")
	f.Fuzz(func(t *testing.T, s string) {
		o, err := seal.Origin(s)
		if err != nil {
			return
		}
		if again, err := seal.Origin(o); err != nil || again != o {
			t.Fatalf("the origin of %q is %q, and of that %q, %v", s, o, again, err)
		}
	})
}
