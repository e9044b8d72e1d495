package env_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/custody/env"
	"keyfob/internal/secret"
)

func driver(text string, set bool) env.Driver {
	return env.New(func(name string) (string, bool) { return text, set && name == "KEYFOB_VAULT_KEY" })
}

func TestOpen(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb}, 32)
	padded := base64.StdEncoding.EncodeToString(raw)
	for _, text := range []string{padded, strings.TrimRight(padded, "="), " " + padded + "\n"} {
		for name, open := range map[string]func(env.Driver) (secret.Secret, error){
			"open":   func(d env.Driver) (secret.Secret, error) { return d.Open(t.Context()) },
			"create": func(d env.Driver) (secret.Secret, error) { return d.Create(t.Context()) },
		} {
			got, err := open(driver(text, true))
			if err != nil || !got.Equal(secret.New(raw)) {
				t.Errorf("%s %q: %v", name, text, err)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, n)) }
	for name, d := range map[string]env.Driver{
		"missing":       driver("", false),
		"empty":         driver("", true),
		"blank":         driver(" \n", true),
		"too short":     driver(b64(31), true),
		"too long":      driver(b64(33), true),
		"hexadecimal":   driver(strings.Repeat("fb", 32), true),
		"not base64":    driver("canary canary!", true),
		"url alphabet":  driver(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32)), true),
		"trailing bits": driver(strings.Repeat("A", 42)+"B=", true),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.Open(t.Context())
			if core.CodeOf(err) != core.Unavailable || !got.IsZero() {
				t.Fatalf("%v", err)
			}
			e := err.(*core.Error)
			if e.Hint == "" || !strings.Contains(e.Message, "KEYFOB_VAULT_KEY") {
				t.Errorf("%q, hint %q", e.Message, e.Hint)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "fbfb") || strings.Contains(err.Error(), "+/v7") {
				t.Errorf("%v echoes the text", err)
			}
		})
	}
}

func TestDescription(t *testing.T) {
	d := driver("", false)
	if d.Name() != "env" || !strings.Contains(d.Place(), env.Variable) || !strings.Contains(d.Protects(), "does not protect") {
		t.Error(d.Name(), d.Place(), d.Protects())
	}
	if v := d.Variables(); len(v) != 1 || v[0] != "KEYFOB_VAULT_KEY" {
		t.Error(v)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	f.Add("====")
	f.Add("AAAA\r\nAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := env.Parse(text)
		if err == nil && key.Len() != 32 {
			t.Fatalf("a key of %d bytes", key.Len())
		}
		if (err == nil) == key.IsZero() {
			t.Fatal("a key and an error, or neither")
		}
	})
}
