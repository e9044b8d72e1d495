package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/httpapi"
)

const where = "/home/keyfob/.local/share/keyfob/keyfob.db"

func brokenStore(reason string, code core.Code) func(context.Context) error {
	return func(context.Context) error {
		return core.Errorf(code, "the database is in a bad way").WithReason(reason).WithFile(where).
			WithHint("restore the newest backup").Wrap(errors.New("disk image is malformed at page 7"))
	}
}

// A server told everybody who asked where its database is, and so as which user
// it runs; and a damaged one was called a fault of the request. Its log has it.
func TestAServerKeepsItsPathsToItself(t *testing.T) {
	for reason, code := range map[string]core.Code{"store_damaged": core.Internal, "store_locked": core.Unavailable, "store_moved": core.Unavailable} {
		k := newKit(t, func(c *httpapi.Config) { c.Flush = brokenStore(reason, code) })
		alice := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
		got := k.send(t, "GET", "/v1/usage", "", alice...).want(t, http.StatusServiceUnavailable, reason)
		if strings.Contains(got.body, "/home") || strings.Contains(got.body, "page 7") || strings.Contains(got.body, "backup") {
			t.Errorf("whoever asks is told %s", got.body)
		}
		if got.problem.Code != api.CodeUnavailable || got.problem.ID == "" || got.problem.Hint == "" {
			t.Errorf("got %+v", got.problem)
		}
		if log := k.log.String(); !strings.Contains(log, where) || !strings.Contains(log, "page 7") || !strings.Contains(log, got.problem.ID) {
			t.Errorf("the log has %s", log)
		}
	}
}

// On one machine the same is told to the one whose vault it is, with the path.
func TestThisMachineIsToldThePath(t *testing.T) {
	var log bytes.Buffer
	c := configOf(guardtest.New(t), slog.New(slog.NewTextHandler(&log, nil)))
	c.Flush = brokenStore("store_damaged", core.Internal)
	w := httptest.NewRecorder()
	httpapi.New(c).Local(core.LocalUser).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/usage", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "the database is in a bad way ("+where+")") || !strings.Contains(w.Body.String(), "restore the newest backup") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
