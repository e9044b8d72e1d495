package broker

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/upstream"
)

func TestCAFile(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	srv.StartTLS()
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, file string
		ok         bool
	}{{"with it", path, true}, {"without it", "", false}} {
		base, err := newBase(tt.file, nil, upstream.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		req, _ := http.NewRequest(http.MethodGet, srv.URL, nil)
		resp, err := base.RoundTrip(req)
		if (err == nil) != tt.ok {
			t.Errorf("%s: error %v", tt.name, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		base.CloseIdleConnections()
	}
}

func TestCAFileRefused(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate here"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, filepath.Join(dir, "absent.pem"), dir} {
		_, err := newBase(path, nil, upstream.Rules{})
		e, ok := err.(*core.Error)
		if !ok || e.Code != core.Invalid || e.Hint == "" {
			t.Errorf("%s: error %v, want invalid with a hint", filepath.Base(path), err)
		}
	}
}
