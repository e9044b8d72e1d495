package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/httpapi"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upkeep"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

type fixture struct {
	http.Handler
	store *sqlite.Store
	log   *bytes.Buffer
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	var log bytes.Buffer
	k, reg := guardtest.New(t), builtin.Registry()
	g, keys := k.Guard, k.Keys
	s := httpapi.New(httpapi.Config{
		Guard: g, Vault: vault.New(g, keys, vault.Limits{}), Accounts: account.New(g, keys, reg, nil, upstream.Rules{}),
		Workspaces: workspace.New(g, k.Store, keys, reg), Upkeep: upkeep.New(g, keys), Providers: reg,
		Status: func(context.Context) (api.VaultStatus, error) { return api.VaultStatus{}, nil },
		Flush:  func(context.Context) error { return nil },
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
	})
	return fixture{s.Local(core.LocalUser), k.Store, &log}
}

func (f fixture) call(t *testing.T, method, path, body string) (*httptest.ResponseRecorder, *api.Error) {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	var e api.ErrorBody
	_ = json.Unmarshal(w.Body.Bytes(), &e)
	return w, e.Error
}

// A misspelt field must not be lost in silence, and no error may repeat a body
// that could hold a value.
func TestBodiesThatAreRefused(t *testing.T) {
	f := newFixture(t)
	for name, body := range map[string]string{
		"an unknown field":   `{"name":"A","valeu":"Y2FuYXJ5"}`,
		"a value in plain":   `{"name":"A","value":"canary value"}`,
		"two values":         `{"name":"A"}{"name":"canary"}`,
		"no JSON":            `canary`,
		"nothing":            ``,
		"too large":          `{"name":"` + strings.Repeat("a", httpapi.MaxBody) + `"}`,
		"a value as numbers": `{"name":"A","value":[99,97]}`,
	} {
		w, e := f.call(t, http.MethodPost, "/v1/secrets", body)
		if w.Code != http.StatusBadRequest || e == nil || e.Code != api.CodeInvalid {
			t.Errorf("%s: %d %+v", name, w.Code, e)
		}
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s: the answer repeats the body", name)
		}
	}
}

func TestAnswersAreNeverStored(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/secrets", "/v1/secrets/NONE"} {
		w, _ := f.call(t, http.MethodGet, path, "")
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "/v2/secrets", "/v1/secrets/a/b/c"} {
		if w, e := f.call(t, http.MethodGet, path, ""); w.Code != http.StatusNotFound || e == nil {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestPagesAreChecked(t *testing.T) {
	f := newFixture(t)
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "before=yesterday"} {
		if w, e := f.call(t, http.MethodGet, "/v1/audit?"+query, ""); w.Code != http.StatusBadRequest || e == nil || e.Field == "" {
			t.Errorf("%s: %d %+v", query, w.Code, e)
		}
	}
	if w, e := f.call(t, http.MethodGet, "/v1/status?since=today", ""); w.Code != http.StatusBadRequest || e.Field != "since" {
		t.Errorf("since: %d", w.Code)
	}
}

// The cause of an internal error is for the log alone; the id that the client
// gets finds it there.
func TestInternalErrorsCarryAnIDAndNoCause(t *testing.T) {
	e := httpapi.PublicError(core.Errorf(core.Internal, "a value does not open").Wrap(context.DeadlineExceeded))
	b, err := json.Marshal(e)
	if err != nil || strings.Contains(string(b), "deadline") {
		t.Errorf("got %s, %v", b, err)
	}
	f := newFixture(t)
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	w, got := f.call(t, http.MethodGet, "/v1/secrets", "")
	if w.Code < 500 || got == nil || got.Message == "" {
		t.Fatalf("a closed store answers %d %+v", w.Code, got)
	}
	if got.Code == api.CodeInternal && !strings.Contains(f.log.String(), got.ID) {
		t.Error("the id is not in the log")
	}
}

// An update that names nothing, or a value alone, keeps the rest.
func TestUpdateKeepsWhatItDoesNotName(t *testing.T) {
	f := newFixture(t)
	f.call(t, http.MethodPost, "/v1/secrets", `{"name":"A","value":"eA==","env":"A_VAR","description":"d","selector":{"k":"v"}}`)
	if w, _ := f.call(t, http.MethodPatch, "/v1/secrets/A", `{"value":"eQ==","description":""}`); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	w, _ := f.call(t, http.MethodGet, "/v1/secrets/A", "")
	var s api.Secret
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Env != "A_VAR" || s.Description != "" || s.Selector["k"] != "v" || s.Version != 2 {
		t.Errorf("got %+v", s)
	}
	if w, _ := f.call(t, http.MethodPatch, "/v1/secrets/A", `{"selector":{},"version":1}`); w.Code != http.StatusConflict {
		t.Errorf("a stale version gives %d", w.Code)
	}
}

func TestLoopbackHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "127.0.0.1": true,
		"evil.example:1": false, "127.0.0.1.evil.example": false, "": false, "localhost.evil:1": false, "0.0.0.0:1": false,
	} {
		if httpapi.IsLoopbackHost(host) != want {
			t.Errorf("%q: want %v", host, want)
		}
	}
}
