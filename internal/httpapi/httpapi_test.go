package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/httpapi"
)

// A misspelt field must not be lost in silence, and no error may repeat a body
// that could hold a value.
func TestBodiesThatAreRefused(t *testing.T) {
	f := newFixture(t)
	for name, body := range map[string]string{
		"an unknown field":       `{"name":"A","value":"","valeu":"Y2FuYXJ5"}`,
		"a name in capitals":     `{"Name":"A","value":"eA=="}`,
		"a name twice":           `{"name":"A","value":"eA==","name":"canary"}`,
		"a name missing":         `{"name":"A"}`,
		"a value in plain":       `{"name":"A","value":"canary value"}`,
		"two values":             `{"name":"A","value":"eA=="}{"name":"canary"}`,
		"something after":        `{"name":"A","value":"eA=="} canary`,
		"no JSON":                `canary`,
		"a list":                 `[{"name":"canary"}]`,
		"null":                   `null`,
		"null for a field":       `{"name":"A","value":"eA==","description":null}`,
		"a value as numbers":     `{"name":"A","value":[99,97]}`,
		"a value as an object":   `{"name":"A","value":{"canary":1}}`,
		"an object for a text":   `{"name":{"canary":1},"value":"eA=="}`,
		"a label twice":          `{"name":"A","value":"eA==","selector":{"canary":"a","canary":"b"}}`,
		"a label that is null":   `{"name":"A","value":"eA==","selector":{"canary":null}}`,
		"a number for a boolean": `{"name":"A","value":"eA==","lookup":1}`,
		"no UTF-8":               "{\"name\":\"A\xff\",\"value\":\"eA==\"}",
		"an end too early":       `{"name":"A","value":"eA=="`,
	} {
		got := f.call(t, http.MethodPost, "/v1/secrets", body)
		got.want(t, http.StatusBadRequest, "body")
		if strings.Contains(got.body, "canary") || got.problem.Code != api.CodeInvalid {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	f.call(t, http.MethodPost, "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`).want(t, http.StatusCreated, "")
}

func TestDeepBodies(t *testing.T) {
	f := newFixture(t)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	f.call(t, http.MethodPost, "/v1/profiles", `{"name":"p","model":"m","provider":"openai","parameters":`+deep+`}`).want(t, http.StatusBadRequest, "body")
	for _, open := range []string{"[", `{"a":`} {
		f.call(t, http.MethodPost, "/v1/profiles", strings.Repeat(open, 10_000)).want(t, http.StatusBadRequest, "body")
	}
}

// A body that is small on the wire and large in memory must not come in, and
// what a route takes is bounded by what it is for.
func TestBodiesOfOtherKindsAndSizes(t *testing.T) {
	f := newFixture(t)
	const good = `{"name":"A","value":"eA==","lookup":true}`
	for name, headers := range map[string][]string{
		"compressed":    {"Content-Encoding", "gzip"},
		"a form":        {"Content-Type", "application/x-www-form-urlencoded"},
		"plain text":    {"Content-Type", "text/plain"},
		"other letters": {"Content-Type", "application/json; charset=utf-16"},
		"a parameter":   {"Content-Type", "application/json; x=y"},
		"no sense":      {"Content-Type", "application/json;;"},
		"nothing":       {"Content-Type", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f.call(t, http.MethodPost, "/v1/secrets", good, headers...).want(t, http.StatusUnsupportedMediaType, api.ReasonUnsupportedFormat)
		})
	}
	f.call(t, http.MethodPost, "/v1/secrets", good, "Content-Type", "application/json; charset=UTF-8").want(t, http.StatusCreated, "")
	large := `{"name":"B","value":"` + strings.Repeat("A", 2<<20) + `"}`
	f.call(t, http.MethodPost, "/v1/secrets", large).want(t, http.StatusRequestEntityTooLarge, "too_large")
	f.call(t, http.MethodPost, "/v1/workspaces", `{"gateway":false,"namespace":"`+strings.Repeat("a", 70<<10)+`"}`).want(t, http.StatusRequestEntityTooLarge, "too_large")
	f.call(t, http.MethodPost, "/v1/secrets/import", `{"format":"env","content":"`+strings.Repeat("A", 1<<20)+`"}`).want(t, http.StatusBadRequest, "")
}

func TestEveryAnswerIsNobodysToKeep(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/secrets", "/v1/secrets/NONE", "/v1/none"} {
		h := f.call(t, http.MethodGet, path, "").header
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "/v2/secrets", "/v1/secrets/a/b/c", "/v1//secrets", "/v1/secrets/", "/v1/./secrets", "/v1/x/../secrets"} {
		f.call(t, http.MethodGet, path, "").want(t, http.StatusNotFound, "no_route")
	}
	got := f.call(t, http.MethodPut, "/v1/secrets", "").want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	if got.header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("Allow is %q", got.header.Get("Allow"))
	}
	got = f.call(t, http.MethodOptions, "/v1/secrets/A", "").want(t, http.StatusNoContent, "")
	if got.header.Get("Allow") != "GET, HEAD, PATCH, DELETE, OPTIONS" || got.body != "" {
		t.Errorf("OPTIONS answers %v %q", got.header, got.body)
	}
	if got := f.call(t, http.MethodHead, "/v1/secrets", "").want(t, http.StatusOK, ""); got.body != "" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD answers %v %q", got.header, got.body)
	}
	f.call(t, "BREW", "/v1/secrets", "").want(t, http.StatusMethodNotAllowed, "method_not_allowed")
}

func TestQueriesAreChecked(t *testing.T) {
	f := newFixture(t)
	for query, field := range map[string]string{
		"audit?limit=0": "limit", "audit?limit=1001": "limit", "audit?limit=x": "limit", "audit?limit=+5": "limit", "audit?limit=05": "limit",
		"audit?cursor=x": "cursor", "status?since=today": "since", "status?limit=5": "limit", "secrets?limt=5": "limt",
		"secrets?limit=1&limit=2": "limit", "secrets?limit=%zz": "", "secrets?limit=1;cursor=x": "", "usage?by=user": "by", "workspaces?ended=yes": "ended", "workspaces?label=x": "label",
	} {
		if got := f.call(t, http.MethodGet, "/v1/"+query, ""); got.status != http.StatusBadRequest || got.problem.Field != field {
			t.Errorf("%s: %d %+v", query, got.status, got.problem)
		}
	}
}

// The cause of an internal error is for the log alone; the id that the client
// gets finds it there.
func TestInternalErrorsCarryAnIDAndNoCause(t *testing.T) {
	e := httpapi.PublicError(core.Errorf(core.Internal, "a value does not open").Wrap(context.DeadlineExceeded))
	b, err := json.Marshal(httpapi.ProblemOf(e))
	if err != nil || strings.Contains(string(b), "deadline") {
		t.Errorf("got %s, %v", b, err)
	}
	f := newFixture(t)
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	got := f.call(t, http.MethodGet, "/v1/secrets", "")
	if got.status < 500 || got.problem.Detail == "" {
		t.Fatalf("a closed store answers %d %s", got.status, got.body)
	}
	if got.problem.Code == api.CodeInternal && !strings.Contains(f.log.String(), got.problem.ID) {
		t.Error("the id is not in the log")
	}
}

// An update that names nothing, or a value alone, keeps the rest.
func TestUpdateKeepsWhatItDoesNotName(t *testing.T) {
	f := newFixture(t)
	f.call(t, http.MethodPost, "/v1/secrets", `{"name":"A","value":"eA==","env":"A_VAR","description":"d","selector":{"k":"v"}}`).want(t, http.StatusCreated, "")
	f.call(t, http.MethodPatch, "/v1/secrets/A", `{"value":"eQ==","description":""}`, "If-Match", "*").want(t, http.StatusOK, "")
	var s api.Secret
	if err := json.Unmarshal([]byte(f.call(t, http.MethodGet, "/v1/secrets/A", "").body), &s); err != nil {
		t.Fatal(err)
	}
	if s.Env != "A_VAR" || s.Description != "" || s.Selector["k"] != "v" || s.Version != 2 {
		t.Errorf("got %+v", s)
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
