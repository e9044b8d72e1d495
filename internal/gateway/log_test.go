package gateway_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/keyfobtest"
)

// A line says whose request it was. One that anybody can cause has none at the
// usual level, and is told to whoever counts guesses.
func TestTheLogsLine(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	var mu sync.Mutex
	var refused []string
	r.serve(gateway.Config{Log: slog.New(slog.NewTextHandler(r.log, nil)), Refused: func(_ *http.Request, reason string) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, reason)
	}})
	guessed := string(core.NewToken(core.GatewayKeyPrefix).Reveal())
	for _, key := range []string{"", "sk-not-ours", guessed} {
		req := r.request(http.MethodPost, path, ask)
		req.Header.Set("X-Api-Key", key)
		if key == "" {
			req.Header.Del("X-Api-Key")
		}
		if got := r.send(req); got.status != http.StatusUnauthorized {
			t.Fatalf("status %d", got.status)
		}
	}
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	line := regexp.MustCompile(`msg=request workspace=wsp_\w+ owner=user:local method=POST provider=anthropic status=200 account=anthropic/one local="" cut=false headers_after_ms=[\d.]+ took_ms=[\d.]+\n`)
	eventually(t, "a line is written", func() bool { return strings.Contains(string(r.log.Bytes()), "msg=request") })
	if !line.Match(r.log.Bytes()) {
		t.Errorf("the line:\n%s", r.log.Bytes())
	}
	if n := strings.Count(string(r.log.Bytes()), "msg=request"); n != 1 {
		t.Errorf("%d lines:\n%s", n, r.log.Bytes())
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(refused, " ") != "not_gateway_key gateway_key_revoked" {
		t.Errorf("refused: %v", refused)
	}
}
