package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/client"
)

const token = "kfs_canary-1f0b"

func serve(t *testing.T, h http.HandlerFunc) client.Options {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client.Options{BaseURL: s.URL + "/", Token: api.NewKey([]byte(token))}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestErrorsAreRebuiltFromTheBody(t *testing.T) {
	c := client.New(serve(t, answer(http.StatusConflict, `{"type":"about:blank","status":409,"code":"conflict","reason":"stale_version","detail":"changed meanwhile","hint":"look again","details":[{"field":"a","message":"b"}]}`)))
	_, err := c.ListSecrets(t.Context())
	e, ok := errors.AsType[*api.Error](err)
	if !ok || !errors.Is(err, &api.Error{Code: api.CodeConflict, Reason: "stale_version"}) || e.Message != "changed meanwhile" || e.Hint != "look again" || len(e.Details) != 1 {
		t.Errorf("got %+v", err)
	}
}

// What stands between a client and its server answers in its own words.
func TestAnswersThatAreNotKeyfobs(t *testing.T) {
	for status, code := range map[int]string{502: api.CodeInternal, 503: api.CodeUnavailable, 404: api.CodeNotFound, 401: api.CodeUnauthenticated, 302: api.CodeInternal} {
		_, err := client.New(serve(t, answer(status, "<html>no</html>"))).ListSecrets(t.Context())
		if !errors.Is(err, &api.Error{Code: code}) {
			t.Errorf("%d gives %v", status, err)
		}
	}
	_, err := client.New(serve(t, answer(http.StatusOK, "<html>"))).ListSecrets(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Hint == "" {
		t.Errorf("200 with HTML gives %v", err)
	}
}

// A server that redirects could send the token anywhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer elsewhere.Close()
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if _, err := client.NewWorkspace(o).Manifest(t.Context()); err == nil {
		t.Error("a redirect passes for an answer")
	}
	if asked {
		t.Error("the redirect was followed")
	}
}

func TestTheTokenGoesAsBearerAndIntoNoError(t *testing.T) {
	var got string
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusInternalServerError)
	})
	_, err := client.NewWorkspace(o).Lookup(t.Context(), "A")
	if got != "Bearer "+token {
		t.Errorf("the server got %q", got)
	}
	if err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("the error is %v", err)
	}
}

func TestNamesStayOnePathSegment(t *testing.T) {
	var path string
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		_, _ = io.WriteString(w, "x\x00y\n")
	})
	v, err := client.NewWorkspace(o).Lookup(t.Context(), "../a b%2f?x#y")
	if err != nil || string(v.Bytes()) != "x\x00y\n" {
		t.Errorf("the value is not byte for byte: %v", err)
	}
	if path != "/v1/workspace/secrets/..%2Fa%20b%252f%3Fx%23y" {
		t.Errorf("the path is %s", path)
	}
}

func TestAServerThatIsAway(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := client.New(client.Options{BaseURL: s.URL})
	_, err := c.Vault(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeUnavailable || e.Hint == "" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Vault(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := client.New(client.Options{BaseURL: "::"}).Vault(t.Context()); !errors.Is(err, &api.Error{Code: api.CodeInvalid}) {
		t.Errorf("no URL: %v", err)
	}
}
