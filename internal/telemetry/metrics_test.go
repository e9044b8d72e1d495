package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyfob/internal/telemetry"
)

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return string(b)
}

func TestCountsOfRequests(t *testing.T) {
	asked := 0
	m := telemetry.NewMetrics("1.2.3", []string{"anthropic"},
		telemetry.Gauge{Name: "keyfob_streams", Help: "x", Value: func(context.Context) (float64, bool) { asked++; return 3, true }},
		telemetry.Gauge{Name: "keyfob_unknown", Help: "x", Value: func(context.Context) (float64, bool) { return 0, false }})
	m.Request("/v1/secrets/{name}", "GET", 200, time.Millisecond)
	m.Request("/v1/secrets/{name}", "GET", 204, time.Millisecond)
	m.Gateway(telemetry.Exchange{Provider: "anthropic", Status: 429, Local: "all_cooling", Took: time.Second, Rotations: 2})
	m.State("anthropic", "limited")
	got := scrape(t, m)
	for _, want := range []string{
		`keyfob_http_requests_total{method="GET",route="/v1/secrets/{name}",status="2xx"} 2`,
		`keyfob_http_request_seconds_count{route="/v1/secrets/{name}"} 2`,
		`keyfob_gateway_requests_total{local="all_cooling",provider="anthropic",status="4xx"} 1`,
		`keyfob_gateway_rotations_total{provider="anthropic"} 2`,
		`keyfob_gateway_states_total{kind="limited",provider="anthropic"} 1`,
		`keyfob_gateway_request_seconds_bucket{provider="anthropic",le="1"} 1`,
		`keyfob_info{version="1.2.3"} 1`, "keyfob_streams 3", "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(got, "keyfob_unknown ") || strings.Contains(got, "keyfob_gateway_headers_seconds_count") || asked != 1 {
		t.Errorf("what is not known is told, or a gauge was asked %d times:\n%s", asked, got)
	}
}

// Whoever asks chooses methods, paths and models: were any of them a label, one
// client could fill the memory of the server and of whoever collects from it.
func TestLabelsAreBounded(t *testing.T) {
	m := telemetry.NewMetrics("1", []string{"anthropic"})
	before := strings.Count(scrape(t, m), "\n")
	for i := range 1000 {
		m.Request("none", "CANARY"+strings.Repeat("X", i), i, 0)
		m.Gateway(telemetry.Exchange{Provider: "canary" + strings.Repeat("x", i), Status: i})
	}
	got := scrape(t, m)
	if strings.Contains(strings.ToLower(got), "canary") {
		t.Error("a client's text is a label")
	}
	if n := strings.Count(got, "\n") - before; n > 100 {
		t.Errorf("%d lines more", n)
	}
}

func TestLog(t *testing.T) {
	for _, c := range []struct{ format, want string }{{"json", `"msg":"hello","n":1`}, {"text", "msg=hello n=1"}} {
		var out bytes.Buffer
		log, err := telemetry.NewLog(&out, "warn", c.format)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("quiet")
		log.LogAttrs(t.Context(), slog.LevelWarn, "hello", slog.Int("n", 1))
		if got := out.String(); !strings.Contains(got, c.want) || strings.Contains(got, "quiet") {
			t.Errorf("got %s", got)
		}
	}
	if _, err := telemetry.NewLog(io.Discard, "loud", "json"); err == nil {
		t.Error("an unknown level is taken")
	}
	if _, err := telemetry.NewLog(io.Discard, "info", "xml"); err == nil {
		t.Error("an unknown form is taken")
	}
}
