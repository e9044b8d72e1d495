package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/httpapi"
)

func read[T any](t *testing.T, r reply) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return out
}

// A command line signs in: it shows a code, a browser approves, and it receives
// two tokens, of which none can do all.
func TestALogin(t *testing.T) {
	k := newKit(t, func(c *httpapi.Config) {
		c.PublicURL = func() string { return "https://keyfob.example" }
		c.PagesURL = func() string { return "https://pages.keyfob.example" }
	})
	started := read[api.DeviceStarted](t, k.send(t, "POST", "/v1/login/device", `{"client":"keyfob on here"}`).want(t, http.StatusOK, ""))
	if started.VerificationURI != "https://keyfob.example/device" || started.VerificationURIComplete != started.VerificationURI+"?code="+started.UserCode {
		t.Errorf("got %+v", started)
	}
	code, err := json.Marshal(api.LoginRequest{DeviceCode: started.DeviceCode})
	if err != nil {
		t.Fatal(err)
	}
	k.send(t, "POST", "/v1/login/token", string(code)).want(t, http.StatusForbidden, api.ReasonPending)
	if got := k.send(t, "POST", "/v1/login/token", string(code)).want(t, http.StatusTooManyRequests, api.ReasonSlowDown); got.header.Get("Retry-After") == "" {
		t.Error("no time to wait")
	}
	browser, _, err := k.identity.Browser(t.Context(), k.browser(t, "alice"))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.identity.DecideDevice(t.Context(), browser, started.UserCode, true); err != nil {
		t.Fatal(err)
	}
	got := read[api.Login](t, k.send(t, "POST", "/v1/login/token", string(code)).want(t, http.StatusOK, ""))
	k.send(t, "POST", "/v1/login/token", string(code)).want(t, http.StatusUnauthorized, "expired_token")
	me := read[api.Me](t, k.send(t, "GET", "/v1/me", "", bearer(string(got.Token.Value.Bytes()))...).want(t, http.StatusOK, ""))
	if me.Name != "alice" || me.Token != got.Token.ID || me.Server != "https://keyfob.example" || me.Org || me.User == nil || strings.Join(me.Scopes, " ") != strings.Join(got.Token.Scopes, " ") {
		t.Errorf("got %+v", me)
	}
	reveal := read[api.Me](t, k.send(t, "GET", "/v1/me", "", bearer(string(got.Reveal.Value.Bytes()))...))
	if strings.Join(reveal.Scopes, " ") != "secrets:read secrets:reveal" {
		t.Errorf("the second token may do %v", reveal.Scopes)
	}
}

// Starting logins fills a bounded table: one address cannot fill it for all.
func TestLoginsFromOneAddress(t *testing.T) {
	k := newKit(t, nil)
	last := reply{}
	for range 25 {
		last = k.send(t, "POST", "/v1/login/device", `{"client":"x"}`, "Test-From", "192.0.2.44")
	}
	last.want(t, http.StatusTooManyRequests, api.ReasonTooManyAttempts)
	k.send(t, "POST", "/v1/login/device", `{"client":"x"}`, "Test-From", "192.0.2.45").want(t, http.StatusOK, "")
}

// A launcher asked for a label that its configuration sets otherwise, and was given
// a workspace with another: so without the secrets that it had counted on.
func TestALaunchersLabelIsRefused(t *testing.T) {
	k := newKit(t, nil)
	for _, labels := range []string{`{"by":"me","team":"web"}`, `{"by":""}`} {
		got := k.send(t, "POST", "/v1/users/alice/workspaces", `{"gateway":true,"labels":`+labels+`}`, bearer(k.launcher)...).want(t, http.StatusBadRequest, "launcher_label")
		if got.problem.Field != "labels.by" || !strings.Contains(got.problem.Detail, `by of this launcher's workspaces is always "tf"`) {
			t.Errorf("got %+v", got.problem)
		}
	}
	if list := read[api.WorkspaceList](t, k.send(t, "GET", "/v1/users/alice/workspaces", "", bearer(k.launcher)...)); len(list.Workspaces) != 0 {
		t.Errorf("it made %+v", list)
	}
}

// A launcher makes workspaces for whom it may, with the labels of its
// configuration, and sees its own alone.
func TestALauncher(t *testing.T) {
	k := newKit(t, nil)
	tf := bearer(k.launcher)
	made := k.send(t, "POST", "/v1/users/alice/workspaces", `{"gateway":true,"labels":{"team":"web"},"seconds":60}`, append(tf, requestKey, "0123456789abcdef")...).want(t, http.StatusCreated, "")
	w := read[api.WorkspaceCreated](t, made)
	if w.Launcher != "tf" || w.Labels["by"] != "tf" || w.Labels["team"] != "web" || w.ExpiresAt.IsZero() || w.SessionKey.IsZero() || w.GatewayKey.IsZero() {
		t.Errorf("got %+v", w)
	}
	again := k.send(t, "POST", "/v1/users/alice/workspaces", `{"gateway":true,"labels":{"by":"tf"}}`, tf...).want(t, http.StatusCreated, "")
	k.send(t, "DELETE", again.header.Get("Location"), "", append(tf, "If-Match", "*")...).want(t, http.StatusNoContent, "")
	if at := made.header.Get("Location"); at != "/v1/users/alice/workspaces/"+w.ID {
		t.Errorf("made at %q", at)
	}
	k.send(t, "POST", "/v1/users/alice/workspaces", `{"gateway":true,"labels":{"team":"web"},"seconds":60}`, append(tf, requestKey, "0123456789abcdef")...).want(t, http.StatusConflict, api.ReasonAlreadyMade)
	me := read[api.Me](t, k.send(t, "GET", "/v1/me", "", tf...).want(t, http.StatusOK, ""))
	if !slices.Equal(me.Users, []string{"alice"}) || !maps.Equal(me.Labels, map[string]string{"by": "tf"}) {
		t.Errorf("it is told that it acts for %v with %v", me.Users, me.Labels)
	}
	own, _, _ := k.workspace(t, k.as("alice"))
	for _, user := range []string{"bob", "nobody", "carol", "%00", "root"} {
		k.send(t, "POST", "/v1/users/"+user+"/workspaces", `{"gateway":true}`, tf...).want(t, http.StatusNotFound, "")
		k.send(t, "GET", "/v1/users/"+user+"/workspaces", "", tf...).want(t, http.StatusNotFound, "")
	}
	k.send(t, "GET", "/v1/users/alice/workspaces/"+own, "", tf...).want(t, http.StatusNotFound, "")
	k.send(t, "DELETE", "/v1/users/alice/workspaces/"+own, "", append(tf, "If-Match", "*")...).want(t, http.StatusNotFound, "")
	list := read[api.WorkspaceList](t, k.send(t, "GET", "/v1/users/alice/workspaces", "", tf...))
	if len(list.Workspaces) != 1 || list.Workspaces[0].ID != w.ID {
		t.Errorf("it sees %+v", list)
	}
	alice := bearer(k.token(t, "alice", core.TokensRead|core.WorkspacesRead, time.Hour))
	for query, want := range map[string]int{"": 2, "?launcher=tf": 1, "?launcher=tf&label=team=web": 1, "?launcher=tf&label=team=ops": 0, "?launcher=ci": 0} {
		if list := read[api.WorkspaceList](t, k.send(t, "GET", "/v1/workspaces"+query, "", alice...)); len(list.Workspaces) != want {
			t.Errorf("with %q alice sees %+v", query, list)
		}
	}
	seen := read[api.LauncherList](t, k.send(t, "GET", "/v1/launchers", "", alice...))
	if len(seen.Launchers) != 1 || seen.Launchers[0].Name != "tf" {
		t.Errorf("alice sees %+v", seen)
	}
	bob := bearer(k.token(t, "bob", core.TokensRead, time.Hour))
	if seen := read[api.LauncherList](t, k.send(t, "GET", "/v1/launchers", "", bob...)); len(seen.Launchers) != 0 {
		t.Errorf("bob sees %+v", seen)
	}
}

// Names go into paths and come back out of them whole: no name reaches another
// record, header or route.
func TestNamesInPaths(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"a b", "a%2Fb", "ä", "a;b", "a&b=c", "..a", "a:b", "*", "~"} {
		body, err := json.Marshal(map[string]any{"name": name, "value": "eA==", "lookup": true})
		if err != nil {
			t.Fatal(err)
		}
		made := f.call(t, "POST", "/v1/secrets", string(body)).want(t, http.StatusCreated, "")
		at := made.header.Get("Location")
		if at != "/v1/secrets/"+url.PathEscape(name) {
			t.Errorf("%q is made at %q", name, at)
		}
		if got := read[api.Secret](t, f.call(t, "GET", at, "").want(t, http.StatusOK, "")); got.Name != name {
			t.Errorf("%q is %q", name, got.Name)
		}
	}
	for _, path := range []string{"%2e%2e", ".%2e", "a%2Fb%2Fc", "a%00b", "%0d%0aX-Header:%201", "a%0a", "%ff"} {
		got := f.call(t, "GET", "/v1/secrets/"+path, "")
		if got.status != http.StatusBadRequest && got.status != http.StatusNotFound || got.header.Get("X-Header") != "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
}

// A body that stalls must not hold a connection for ever.
func TestABodyThatStalls(t *testing.T) {
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		body := &stalling{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/v1/secrets", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		began := time.Now()
		f.local.ServeHTTP(body, r)
		if took := time.Since(began); body.status != http.StatusRequestTimeout || took > time.Minute {
			t.Errorf("got %d after %s", body.status, took)
		}
	})
}

// stalling is a connection whose client has stopped to send: a reading ends at
// the deadline that the handler sets.
type stalling struct {
	header   http.Header
	status   int
	deadline time.Time
}

func (s *stalling) Read([]byte) (int, error) {
	time.Sleep(time.Until(s.deadline))
	return 0, os.ErrDeadlineExceeded
}

func (s *stalling) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		s.deadline = t
	}
	return nil
}

func (s *stalling) Header() http.Header { return s.header }

func (s *stalling) Write(b []byte) (int, error) { return len(b), nil }

func (s *stalling) WriteHeader(status int) { s.status = status }

// A launcher relabels what it made, at the version that it has seen; its
// configuration's labels stay whatever it sends.
func TestALauncherRelabels(t *testing.T) {
	k := newKit(t, nil)
	tf, at := bearer(k.launcher), "/v1/users/alice/workspaces/"+k.launched(t)
	k.send(t, "PATCH", at, `{"labels":{"team":"web"}}`, tf...).want(t, http.StatusPreconditionRequired, "precondition_required")
	got := k.send(t, "PATCH", at, `{"labels":{"team":"web"}}`, append(tf, "If-Match", `"v1"`)...).want(t, http.StatusOK, "")
	if w := read[api.Workspace](t, got); !maps.Equal(w.Labels, map[string]string{"by": "tf", "team": "web"}) || got.header.Get("ETag") != `"v2"` {
		t.Errorf("got %+v", w)
	}
	k.send(t, "PATCH", at, `{"labels":{}}`, append(tf, "If-Match", `"v1"`)...).want(t, http.StatusPreconditionFailed, "stale")
	k.send(t, "PATCH", at, `{"labels":{"by":"me"}}`, append(tf, "If-Match", "*")...).want(t, http.StatusBadRequest, "launcher_label")
	own, _, _ := k.workspace(t, k.as("alice"))
	k.send(t, "PATCH", "/v1/users/alice/workspaces/"+own, `{"labels":{}}`, append(tf, "If-Match", "*")...).want(t, http.StatusNotFound, "")
	if w := read[api.Workspace](t, k.send(t, "GET", at, "", tf...)); !maps.Equal(w.Labels, map[string]string{"by": "tf", "team": "web"}) {
		t.Errorf("it has %v", w.Labels)
	}
}
