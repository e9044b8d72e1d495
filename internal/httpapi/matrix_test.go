package httpapi_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/httpapi"
	"keyfob/internal/store"
)

// The columns of the matrix: who asks. What is asked for is alice's, or the
// organisation's, or the launcher's own for alice.
const columns = "nobody alice bob admin launcher expired narrow session gateway disabled browser foreign"

// proof is the headers of one column for one route.
func (k *kit) proof(t *testing.T, r httpapi.Route, s *subject, who string) []string {
	t.Helper()
	scopes := core.AllScopes &^ core.SecretsReveal
	if r.Scopes().Has(core.SecretsReveal) {
		scopes = core.AllScopes &^ core.WorkspacesKeys
	}
	// The one who may.
	owner := "alice"
	if r.Who == httpapi.Admins {
		owner = "root"
	}
	switch who {
	case "nobody":
		return nil
	case "alice", "bob":
		return bearer(k.token(t, who, scopes, time.Hour))
	case "admin":
		return bearer(k.token(t, "root", scopes, time.Hour))
	case "launcher":
		return bearer(k.launcher)
	case "expired":
		return bearer(k.token(t, owner, scopes, -time.Second))
	case "narrow": // lacks just what it takes
		return bearer(k.token(t, owner, scopes&^r.Scopes(), time.Hour))
	case "session":
		return bearer(s.session)
	case "gateway":
		return bearer(s.gateway)
	case "disabled":
		return k.disabled["token"]
	case "browser":
		return k.sameOrigin(k.browser(t, owner))
	case "foreign":
		return []string{"Cookie", cookie + "=" + k.browser(t, owner), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}
	}
	t.Fatalf("there is no column %s", who)
	return nil
}

// canary is the value of everything that alice and the organisation have.
const canary = "canary-5d1c7a90"

// shows says whether a text holds the canary in any form that it travels in.
func shows(body string) bool {
	return strings.Contains(body, canary) || strings.Contains(body, base64.StdEncoding.EncodeToString([]byte(canary)))
}

// cells reads the table: a route's id and a status for each column.
func cells(t *testing.T) map[string]map[string]int {
	t.Helper()
	names, out := strings.Fields(columns), map[string]map[string]int{}
	for line := range strings.Lines(matrix) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != len(names)+1 || out[f[0]] != nil {
			t.Fatalf("this line of the matrix is not one: %q", line)
		}
		row := map[string]int{}
		for i, n := range names {
			status, err := strconv.Atoi(f[i+1])
			if err != nil {
				t.Fatalf("%s: %v", f[0], err)
			}
			row[n] = status
		}
		out[f[0]] = row
	}
	return out
}

// Every route × everybody who could ask. A route that has no row here fails, as
// does a row without a route; what is answered must be what the OpenAPI document
// declares, and hold no value for whoever may not have it.
func TestWhoMayDoWhat(t *testing.T) {
	k, want := newKit(t, nil), cells(t)
	k.disable(t, "carol")
	schemas := newSchemas(t)
	for _, r := range httpapi.Routes() {
		row, ok := want[r.ID]
		if !ok {
			t.Errorf("%s (%s %s) has no row in the matrix", r.ID, r.Method, r.Path)
			continue
		}
		delete(want, r.ID)
		t.Run(r.ID, func(t *testing.T) {
			var got []string
			for _, who := range strings.Fields(columns) {
				a := k.matrixCall(t, r, who)
				got = append(got, strconv.Itoa(a.status))
				if a.status != row[who] {
					t.Errorf("%s: got %d, want %d: %s", who, a.status, row[who], a.body)
				}
				if a.status >= 400 && shows(a.body) || !r.Exposes && shows(a.body) {
					t.Errorf("%s sees a value: %s", who, a.body)
				}
				schemas.check(t, r, a)
			}
			for kind, proof := range k.disabled {
				if a := k.matrixCallAs(t, r, "disabled", proof); a.status != row["disabled"] {
					t.Errorf("a disabled user's %s: got %d, want %d: %s", kind, a.status, row["disabled"], a.body)
				}
			}
			if t.Failed() {
				t.Logf("%-24s %s", r.ID, strings.Join(got, " "))
			}
		})
	}
	if v, err := k.Guard.Verify(t.Context(), k.as("root")); err != nil || !v.OK() {
		t.Errorf("the audit trail does not hold together: %v %+v", err, v.Problems)
	}
	for id := range want {
		t.Errorf("the matrix has a row %s, and there is no such route", id)
	}
}

func (k *kit) matrixCall(t *testing.T, r httpapi.Route, who string) reply {
	t.Helper()
	s := k.subject(t, r)
	return k.ask(t, r, s, who, k.proof(t, r, s, who))
}

// matrixCallAs is the call of that column with another proof.
func (k *kit) matrixCallAs(t *testing.T, r httpapi.Route, who string, proof []string) reply {
	t.Helper()
	return k.ask(t, r, k.subject(t, r), who, proof)
}

func (k *kit) ask(t *testing.T, r httpapi.Route, s *subject, who string, proof []string) reply {
	t.Helper()
	headers := slices.Clone(proof)
	if r.Match {
		headers = append(headers, "If-Match", "*")
	}
	if s.prepare != nil {
		s.prepare(who, headers)
	}
	body := s.body
	if r.In != nil && body == "" {
		t.Fatalf("%s takes a body and the test has none", r.ID)
	}
	return k.send(t, r.Method, s.path, body, headers...)
}

// disable disables a user whose proofs of every kind were good a moment ago.
func (k *kit) disable(t *testing.T, name string) {
	t.Helper()
	_, session, gateway := k.workspace(t, k.as(name))
	k.disabled = map[string][]string{
		"token":       bearer(k.token(t, name, core.AllScopes&^core.SecretsReveal, time.Hour)),
		"cookie":      k.sameOrigin(k.browser(t, name)),
		"session key": bearer(session),
		"gateway key": bearer(gateway),
	}
	for _, kind := range []string{"token", "cookie"} {
		k.send(t, "GET", "/v1/me", "", k.disabled[kind]...).want(t, 200, "")
	}
	k.send(t, "GET", "/v1/workspace/manifest", "", bearer(session)...).want(t, 200, "")
	root := k.token(t, "root", core.AdminRead|core.AdminWrite, time.Hour)
	k.send(t, "PATCH", "/v1/users/"+name, `{"disabled":true}`, append(bearer(root), "If-Match", "*")...).want(t, 200, "")
}

// A token of a user's says no more once they are no administrator, and a browser
// session that was revoked says nothing.
func TestRightsThatAreLost(t *testing.T) {
	k := newKit(t, nil)
	root := bearer(k.token(t, "root", core.AllScopes&^core.SecretsReveal, time.Hour))
	local := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
	k.send(t, "GET", "/v1/users", "", local...).want(t, 403, "not_admin")
	k.send(t, "PATCH", "/v1/users/alice", `{"role":"admin"}`, append(root, "If-Match", "*")...).want(t, 200, "")
	k.send(t, "GET", "/v1/users", "", local...).want(t, 200, "")
	k.send(t, "PATCH", "/v1/users/alice", `{"role":"user"}`, append(root, "If-Match", `"v2"`)...).want(t, 200, "")
	k.send(t, "GET", "/v1/users", "", local...).want(t, 403, "not_admin")
	b := k.sameOrigin(k.browser(t, "alice"))
	k.send(t, "GET", "/v1/me", "", b...).want(t, 200, "")
	k.write(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Sessions().DeleteAll(ctx, k.users["alice"].ID)
		return err
	})
	k.send(t, "GET", "/v1/me", "", b...).want(t, 401, "bad_session")
}
