package telemetry_test

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"keyfob/internal/telemetry"
)

// sink is a real collector: it takes spans over HTTP.
type sink struct {
	mu    sync.Mutex
	spans []*otlp.Span
	raw   string
}

func (s *sink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	var in collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &in); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw += in.String()
	for _, rs := range in.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			s.spans = append(s.spans, ss.Spans...)
		}
	}
}

// traced gives tracing to a collector, and what closes it and gives the spans.
func traced(t *testing.T) (*telemetry.Tracing, func() *sink) {
	t.Helper()
	s := &sink{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	tr, err := telemetry.OpenTracing(t.Context(), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + srv.URL}, "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil || tr == nil {
		t.Fatalf("%v, %v", tr, err)
	}
	return tr, func() *sink {
		if err := tr.Close(t.Context()); err != nil {
			t.Error(err)
		}
		return s
	}
}

func attributes(s *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		out[a.Key] = strings.Trim(strings.TrimPrefix(strings.ReplaceAll(a.Value.String(), "  ", " "), "string_value:"), `"`)
	}
	return out
}

func TestSpanOfARequest(t *testing.T) {
	tr, done := traced(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/secrets/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		tr.Exchanged(r.Context(), telemetry.Exchange{Provider: "anthropic", Local: "all_cooling", Rotations: 2}, "anthropic/work")
	})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	h := tr.Handler(mux)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/secrets/canary7f31?canary7f31=1", nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/broken", nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("CANARY7F31", "/canary7f31", nil))
	s := done()
	if len(s.spans) != 3 {
		t.Fatalf("%d spans", len(s.spans))
	}
	first := attributes(s.spans[0])
	if s.spans[0].Name != "GET /v1/secrets/{name}" || first["http.route"] != "/v1/secrets/{name}" || first["keyfob.account"] != "anthropic/work" || first["keyfob.local"] != "all_cooling" {
		t.Errorf("got %s %v", s.spans[0].Name, first)
	}
	if s.spans[1].Status.GetCode() != otlp.Status_STATUS_CODE_ERROR {
		t.Error("a 503 is no error")
	}
	if s.spans[2].Name != "other none" {
		t.Errorf("an unknown route is %q", s.spans[2].Name)
	}
	if strings.Contains(strings.ToLower(s.raw), "canary") {
		t.Error("a client's text is in a trace")
	}
	if !strings.Contains(s.raw, "keyfob") || !strings.Contains(s.raw, "1.2.3") {
		t.Error("the resource does not say what it is")
	}
}

// A caller that could be a span's parent would decide what is sampled, and could
// write into any trace whose id it knows.
func TestCallersTraceIsALinkOnly(t *testing.T) {
	tr, done := traced(t)
	h := tr.Handler(http.NotFoundHandler())
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, header := range []string{"00-" + theirs + "-00f067aa0ba902b7-01", "canary", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", header)
		r.Header.Set("Tracestate", "canary=1")
		r.Header.Set("Baggage", "canary=1")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	s := done()
	if len(s.spans) != 4 {
		t.Fatalf("%d spans", len(s.spans))
	}
	for i, span := range s.spans {
		if hex.EncodeToString(span.TraceId) == theirs || len(span.ParentSpanId) != 0 {
			t.Error("the caller's span is a parent")
		}
		if want := i == 0; (len(span.Links) == 1) != want {
			t.Errorf("span %d has %d links", i, len(span.Links))
		}
	}
	if hex.EncodeToString(s.spans[0].Links[0].TraceId) != theirs || strings.Contains(s.raw, "canary") {
		t.Error("the link is not the caller's, or it has the caller's state")
	}
}

func TestTracingIsOffByItself(t *testing.T) {
	for _, environ := range [][]string{nil, {"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, {"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=otlp"}} {
		tr, err := telemetry.OpenTracing(t.Context(), environ, "1", slog.New(slog.DiscardHandler))
		if err != nil || tr != nil {
			t.Errorf("%v: %v, %v", environ, tr, err)
		}
	}
	var off *telemetry.Tracing
	h := http.NotFoundHandler()
	if got := off.Handler(h); got == nil {
		t.Error("no handler")
	}
	off.Exchanged(t.Context(), telemetry.Exchange{}, "")
	if err := off.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, environ := range [][]string{{"OTEL_TRACES_EXPORTER=zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, {"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=/traces"}} {
		if _, err := telemetry.OpenTracing(t.Context(), environ, "1", slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%v is taken", environ)
		}
	}
}
