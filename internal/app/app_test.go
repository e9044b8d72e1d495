package app_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
	"keyfob/internal/core"
)

func configFor(t *testing.T) app.Config {
	t.Helper()
	return app.Config{Home: filepath.Join(t.TempDir(), "keyfob")}
}

func open(t *testing.T, c app.Config) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func initVault(t *testing.T, c app.Config) {
	t.Helper()
	if _, err := app.Init(t.Context(), c, app.DefaultCustody); err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T) *app.App {
	t.Helper()
	c := configFor(t)
	initVault(t, c)
	return open(t, c)
}

func TestOpenWithoutAVaultSaysSo(t *testing.T) {
	c := configFor(t)
	if there, err := app.Exists(t.Context(), c); there || err != nil {
		t.Errorf("Exists: %v, %v", there, err)
	}
	_, err := app.Open(t.Context(), c)
	if !errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_vault"}) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(c.Home); !errors.Is(err, os.ErrNotExist) {
		t.Error("a failed open made the home")
	}
}

func TestInitOnceAndForAll(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	key, err := os.ReadFile(filepath.Join(c.Home, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Init(t.Context(), c, app.DefaultCustody); !errors.Is(err, &core.Error{Code: core.Conflict, Reason: "vault_exists"}) {
		t.Errorf("a second init: %v", err)
	}
	again, err := os.ReadFile(filepath.Join(c.Home, "root.key"))
	if err != nil || string(again) != string(key) {
		t.Error("a second init touched the root key")
	}
}

// A crash between making the root key and writing the header must not leave a
// home that nothing can be made of.
func TestInitTakesTheKeyOfAnInterruptedInit(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	for _, name := range []string{"keyfob.db", "keyfob.db-wal", "keyfob.db-shm"} {
		if err := os.Remove(filepath.Join(c.Home, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	initVault(t, c)
	open(t, c)
}

func TestAnotherRootKeyIsRefused(t *testing.T) {
	c := configFor(t)
	c.Environ = []string{"KEYFOB_VAULT_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}
	if _, err := app.Init(t.Context(), c, "env"); err != nil {
		t.Fatal(err)
	}
	other := make([]byte, 32)
	other[0] = 1
	c.Environ = []string{"KEYFOB_VAULT_KEY=" + base64.StdEncoding.EncodeToString(other)}
	if _, err := app.Open(t.Context(), c); !errors.Is(err, &core.Error{Code: core.Conflict, Reason: "wrong_root_key"}) {
		t.Errorf("got %v", err)
	}
	c.Environ = nil
	if _, err := app.Open(t.Context(), c); core.CodeOf(err) != core.Unavailable {
		t.Errorf("without the variable: %v", err)
	}
}

func TestHomeThatOthersMayReadIsRefused(t *testing.T) {
	for _, name := range []string{"", "root.key", "keyfob.db", "log"} {
		c := configFor(t)
		initVault(t, c)
		a, err := app.Open(t.Context(), c) // makes log
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(c.Home, name), 0o744); err != nil {
			t.Fatal(err)
		}
		_, err = app.Open(t.Context(), c)
		e, ok := errors.AsType[*core.Error](err)
		if !ok || e.Reason != "open_permissions" || !strings.Contains(e.Hint, "chmod") {
			t.Errorf("%q at 0744: %v", name, err)
		}
	}
}

func TestUnknownCustody(t *testing.T) {
	_, err := app.Init(t.Context(), configFor(t), "paper")
	if core.CodeOf(err) != core.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestErrorsCrossTheClient(t *testing.T) {
	c := started(t).Client()
	_, err := c.GetSecret(t.Context(), "NOPE")
	if !errors.Is(err, &api.Error{Code: api.CodeNotFound}) {
		t.Errorf("got %v", err)
	}
	_, err = c.CreateAccount(t.Context(), api.AccountCreate{Provider: "nobody", Label: "x", Key: api.NewValue([]byte("k"))})
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeInvalid || e.Hint == "" || e.Field != "provider" {
		t.Errorf("got %+v", err)
	}
}

// Every byte of a value survives the way through the client, the API, sealing
// and the store, and names are taken as they are.
func TestValuesSurviveByteForByte(t *testing.T) {
	c := started(t).Client()
	value := make([]byte, 0, 255)
	for b := 1; b < 256; b++ {
		value = append(value, byte(b))
	}
	const name = "a name with % and \"quotes\" and ü"
	if _, err := c.CreateSecret(t.Context(), api.SecretCreate{Name: name, Lookup: true, Value: api.NewValue(value)}); err != nil {
		t.Fatal(err)
	}
	got, err := c.RevealSecret(t.Context(), name, api.RevealRequest{Confirm: name})
	if err != nil || string(got.Value.Bytes()) != string(value) {
		t.Errorf("the value changed: %v", err)
	}
}

func serve(t *testing.T, a *app.App) (string, api.WorkspaceCreated) {
	t.Helper()
	ws, err := a.Client().CreateWorkspace(t.Context(), api.WorkspaceCreate{Gateway: true})
	if err != nil {
		t.Fatal(err)
	}
	url, err := a.Serve(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	return url, ws
}

func TestWorkspaceRoutesTakeTheSessionKeyOnly(t *testing.T) {
	a := started(t)
	for _, s := range []api.SecretCreate{
		{Name: "OPEN", Lookup: true, Value: api.NewValue([]byte("looked-up"))},
		{Name: "SHUT", Env: "SHUT", Value: api.NewValue([]byte("never"))},
	} {
		if _, err := a.Client().CreateSecret(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	url, ws := serve(t, a)
	inside := client.NewWorkspace(client.Options{BaseURL: url, Token: ws.SessionKey})
	if v, err := inside.Lookup(t.Context(), "OPEN"); err != nil || string(v.Bytes()) != "looked-up" {
		t.Errorf("lookup: %v", err)
	}
	for _, name := range []string{"SHUT", "NONE"} {
		if _, err := inside.Lookup(t.Context(), name); err == nil {
			t.Errorf("lookup of %s answers", name)
		}
	}
	for who, token := range map[string]api.Key{"nobody": {}, "a gateway key": ws.GatewayKey, "a forged key": api.NewKey([]byte("kfs_forged"))} {
		_, err := client.NewWorkspace(client.Options{BaseURL: url, Token: token}).Lookup(t.Context(), "OPEN")
		if !errors.Is(err, &api.Error{Code: api.CodeUnauthenticated}) {
			t.Errorf("%s gets %v", who, err)
		}
	}
	if err := a.Client().EndWorkspace(t.Context(), ws.ID, client.Any); err != nil {
		t.Fatal(err)
	}
	if _, err := inside.Lookup(t.Context(), "OPEN"); !errors.Is(err, &api.Error{Code: api.CodeUnauthenticated, Reason: "session_revoked"}) {
		t.Errorf("after the end: %v", err)
	}
}

// A web page in the user's browser can reach a port of the loopback interface,
// by a name that it rebinds (Host) or from its own origin (Origin).
func TestListenerRefusesWebPages(t *testing.T) {
	url, ws := serve(t, started(t))
	for _, path := range []string{"/v1/workspace/secrets", "/p/anthropic/default/v1/models", "/", "/v1/secrets"} {
		for name, change := range map[string]func(*http.Request){
			"a foreign host": func(r *http.Request) { r.Host = "evil.example" },
			"an origin":      func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1") },
			"an empty one":   func(r *http.Request) { r.Header["Origin"] = []string{""} },
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+string(ws.SessionKey.Bytes()))
			change(req)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("%s with %s gets %d", path, name, resp.StatusCode)
			}
		}
	}
}

// A base URL was given to a client with a slash at its end, as many write it,
// and the client put "/v1/messages" behind it. The listener answered with a
// redirect of its own, for any Host, before the gateway had seen the request;
// clients that do not follow one for a POST failed.
func TestListenerDoesNotRedirect(t *testing.T) {
	url, ws := serve(t, started(t))
	for path, want := range map[string]int{
		"/p/anthropic/default//v1/messages": http.StatusServiceUnavailable, // there is no account
		"/p/anthropic/default/../x":         http.StatusBadRequest,
		"//p/anthropic/default/v1/messages": http.StatusNotFound,
		"/p":                                http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + req.URL.Host + path
		req.Header.Set("X-Api-Key", string(ws.GatewayKey.Bytes()))
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s gets %d, Location %q; want %d", path, resp.StatusCode, resp.Header.Get("Location"), want)
		}
	}
}

// The routes of a person are for this process alone.
func TestListenerDoesNotServeThePersonsRoutes(t *testing.T) {
	url, ws := serve(t, started(t))
	outside := client.New(client.Options{BaseURL: url, Token: ws.SessionKey})
	if _, err := outside.ListSecrets(t.Context()); err == nil {
		t.Error("the list of secrets is on the listener")
	}
	if _, err := outside.CreateWorkspace(t.Context(), api.WorkspaceCreate{}); err == nil {
		t.Error("workspaces can be made on the listener")
	}
}

func TestCloseTwice(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Serve(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A service that systemd hands its root key as a credential has it in no
// environment.
func TestRootKeyAsACredential(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "KEYFOB_VAULT_KEY"), []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	c := configFor(t)
	c.Environ = []string{"CREDENTIALS_DIRECTORY=" + dir}
	if got := app.DefaultCustodyOf(c.Environ); got != "env" {
		t.Errorf("the custody is %s", got)
	}
	if _, err := app.Init(t.Context(), c, "env"); err != nil {
		t.Fatal(err)
	}
	open(t, c)
	for _, environ := range [][]string{nil, {"CREDENTIALS_DIRECTORY=."}, {"CREDENTIALS_DIRECTORY=" + t.TempDir()}} {
		c.Environ = environ
		if _, err := app.Open(t.Context(), c); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%v: %v", environ, err)
		}
		if got := app.DefaultCustodyOf(environ); got != app.DefaultCustody {
			t.Errorf("%v: the custody is %s", environ, got)
		}
	}
}

// keyfob events on one machine: a stream in process, of what any process changes.
func TestEventsInProcess(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	here, there := open(t, c), open(t, c)
	create := func(a *app.App, name string) string {
		made, err := a.Client().CreateSecret(t.Context(), api.SecretCreate{Name: name, Lookup: true, Value: api.NewValue([]byte("x"))})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	next := create(here, "FIRST")
	var seen []string
	for e, err := range here.Client().Events(t.Context(), "0") { // from the first one that is kept
		if err != nil || e.Kind != "secret" || e.Record != next {
			t.Fatalf("%+v, %v", e, err)
		}
		if seen = append(seen, next); len(seen) == 2 {
			break
		}
		next = create(there, "SECOND") // while the stream runs
	}
}
