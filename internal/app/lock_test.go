package app_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/app"
	"keyfob/internal/core"
)

// A vault has one server. Beside it the root key does not change, and once it has
// ended its address is nobody's.
func TestOneServerOfAVault(t *testing.T) {
	s := startServer(t, nil)
	running := &core.Error{Code: core.Conflict, Reason: "server_running"}
	any127 := settings(t, map[string]string{"listen": "127.0.0.1:0"})
	if _, err := app.OpenServer(t.Context(), s.config, any127, io.Discard); !errors.Is(err, running) || !strings.Contains(err.Error(), s.URL) {
		t.Errorf("a second server: %v", err)
	}
	a := open(t, s.config)
	if _, err := a.Rekey(t.Context(), ""); !errors.Is(err, running) {
		t.Errorf("another root key: %v", err)
	}
	if r, err := a.UserLink(t.Context(), core.Local.ID); err != nil || r.URL != s.URL {
		t.Errorf("a link: %v, %v", r.URL, err)
	}
	note := filepath.Join(s.config.Home, "server.json")
	left, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	if _, err := os.Stat(note); err == nil {
		t.Error("the note outlives its server")
	}
	// One that was killed leaves its note behind.
	if err := os.WriteFile(note, left, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.UserLink(t.Context(), core.Local.ID); !errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_server"}) {
		t.Errorf("a link after its end: %v", err)
	}
	r, err := a.Rekey(t.Context(), "")
	if err != nil || r.AuditKey == r.AuditKeyBefore || r.AuditKey == "" || r.AuditKeyBefore == "" {
		t.Errorf("rekeyed %+v, %v", r, err)
	}
	next, err := app.OpenServer(t.Context(), s.config, any127, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
