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
	"keyfob/internal/llm"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/upkeep"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// fixture is a server of one machine over a real store.
type fixture struct {
	guardtest.Kit
	server *httpapi.Server
	local  http.Handler
	log    *bytes.Buffer
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	var log bytes.Buffer
	k := guardtest.New(t)
	s := httpapi.New(configOf(k, slog.New(slog.NewTextHandler(&log, nil))))
	return fixture{Kit: k, server: s, local: s.Local(core.LocalUser), log: &log}
}

func configOf(k guardtest.Kit, log *slog.Logger) httpapi.Config {
	reg := builtin.Registry()
	return httpapi.Config{
		Guard: k.Guard, Vault: vault.New(k.Guard, k.Keys, vault.Limits{}, nil),
		Accounts:   account.New(k.Guard, k.Keys, reg, nil, upstream.Rules{}),
		Workspaces: workspace.New(k.Guard, k.Store, k.Keys, reg), Upkeep: upkeep.New(k.Guard, k.Keys),
		Providers: reg, LLM: llm.New(k.Guard, k.Keys, reg),
		Status: func(context.Context) (api.VaultStatus, error) { return api.VaultStatus{}, nil },
		Flush:  func(context.Context) error { return nil },
		Log:    log,
	}
}

// reply is an answer that was read whole.
type reply struct {
	status  int
	header  http.Header
	body    string
	problem api.Problem
}

// call sends a request to a handler; headers are pairs. A body is JSON unless
// the headers say otherwise.
func call(t *testing.T, h http.Handler, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
		if headers[i] == "Content-Type" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	if w.Code >= 400 && method != http.MethodHead {
		out.problem = problemOf(t, w.Header(), w.Body.Bytes())
	}
	return out
}

func (f fixture) call(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	return call(t, f.local, method, path, body, headers...)
}

// want fails unless the answer has this status and, of an error, this reason.
func (r reply) want(t *testing.T, status int, reason string) reply {
	t.Helper()
	if r.status != status || r.problem.Reason != reason {
		t.Errorf("got %d %q, want %d %q: %s", r.status, r.problem.Reason, status, reason, r.body)
	}
	return r
}

// problemOf reads an error; every one is problem details.
func problemOf(t *testing.T, h http.Header, body []byte) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(body, &p); err != nil || h.Get("Content-Type") != api.ProblemType {
		t.Errorf("this is no problem: %v %v %s", err, h, body)
	}
	return p
}
