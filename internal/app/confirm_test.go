package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/config"
)

// While the store's changes are not read, a key may have been revoked that this
// process still takes for good: nothing new is handed out, and balancers are told.
func TestUnconfirmedHandsNothingOut(t *testing.T) {
	c := Config{Home: filepath.Join(t.TempDir(), "keyfob")}
	if _, err := Init(t.Context(), c, DefaultCustody); err != nil {
		t.Fatal(err)
	}
	settings, err := config.Load("", nil, map[string]string{"listen": "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenServer(t.Context(), c, settings, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	// The feed does not run: nobody has called Run.
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://"+s.Address()+path, strings.NewReader(body))
		r = r.WithContext(withAddress(r, s.main.Addr().(*net.TCPAddr)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.routes.ServeHTTP(w, r)
		return w
	}
	if w := ask("GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"changes"`) {
		t.Errorf("/readyz: %d %s", w.Code, w.Body)
	}
	if w := ask("GET", "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("/healthz: %d", w.Code)
	}
	if w := ask("POST", "/v1/login/device", `{"client":"x"}`); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "unconfirmed") {
		t.Errorf("a login: %d %s", w.Code, w.Body)
	}
	background, stop := s.start(t.Context())
	if err := s.await(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := ask("POST", "/v1/login/device", `{"client":"x"}`); w.Code != http.StatusOK {
		t.Errorf("a login once they are read: %d %s", w.Code, w.Body)
	}
	stop()
	<-background
}

func withAddress(r *http.Request, at *net.TCPAddr) context.Context {
	return context.WithValue(r.Context(), http.LocalAddrContextKey, at)
}
