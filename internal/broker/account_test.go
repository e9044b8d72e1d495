package broker

import (
	"net/http"
	"net/url"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// A credential leaves for the origin it was sealed for, whatever became of the
// request's URL on the way.
func TestMayGo(t *testing.T) {
	a, err := newAccount(core.SealedAccount{Account: core.Account{BaseURL: "https://api.example.com/v1"}}, secret.FromString("k"))
	if err != nil {
		t.Fatal(err)
	}
	for u, want := range map[string]bool{
		"https://api.example.com/v1/messages":      true,
		"https://api.example.com":                  true,
		"https://api.example.com:443/x":            true,
		"https://API.example.com/x":                true,
		"https://api.example.com.evil.org/x":       false,
		"https://api.example/x":                    false,
		"https://api.example.com:8443/x":           false,
		"http://api.example.com/v1":                false,
		"https://user:pass@api.example.com/v1":     false,
		"https://evil.org/https://api.example.com": false,
		"//api.example.com/v1":                     false,
	} {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.mayGo(&http.Request{URL: parsed}); got != want {
			t.Errorf("%s: %t, want %t", u, got, want)
		}
	}
}
