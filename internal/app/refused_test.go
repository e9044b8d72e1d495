package app_test

import (
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
)

// Accounts at this machine's own addresses worked before there was a server. Its
// start says how many it refuses, and which setting allows them.
func TestStartCountsRefusedAccounts(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for label, base := range map[string]string{"near": "http://127.0.0.1:11434/v1", "far": "https://api.example.com/v1", "off": "https://10.0.0.1/v1"} {
		add := api.AccountCreate{Provider: "openai-compatible", Label: label, BaseURL: base, Key: api.NewValue([]byte("sk-" + label))}
		if _, err := a.Client().CreateAccount(t.Context(), add); err != nil {
			t.Fatal(err)
		}
	}
	off := false
	if _, err := a.Client().UpdateAccount(t.Context(), client.AccountRef{Provider: "openai-compatible", Label: "off"}, api.AccountUpdate{Enabled: &off}, client.Any); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := func(flags map[string]string) string {
		s := startOn(t, c, flags)
		s.stop()
		return s.log.String()
	}
	if log := told(map[string]string{"log_format": "json"}); strings.Count(log, "upstream_allow") != 1 || !strings.Contains(log, `"accounts":1`) {
		t.Errorf("the log says\n%s", log)
	}
	if log := told(map[string]string{"upstream_allow": "127.0.0.1"}); strings.Contains(log, "upstream_allow") {
		t.Errorf("with the address allowed the log says\n%s", log)
	}
}
