package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"keyfob/internal/core"
)

// spans are some with everything that a span of ours can have.
func spans(t *testing.T) []sdk.ReadOnlySpan {
	t.Helper()
	rec := tracetest.NewSpanRecorder()
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(rec))
	ctx, parent := p.Tracer("keyfob").Start(t.Context(), "parent")
	_, s := p.Tracer("keyfob").Start(ctx, "child ä")
	s.SetAttributes(attribute.Int("n", -3), attribute.String("s", ""), attribute.Bool("b", true), attribute.Float64("f", 1.5))
	s.SetStatus(codes.Error, "not told")
	s.End()
	parent.End()
	return rec.Ended()
}

func TestEncodingIsWhatCollectorsRead(t *testing.T) {
	list := spans(t)
	var in collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(encode(list), &in); err != nil {
		t.Fatal(err)
	}
	if len(in.ProtoReflect().GetUnknown()) > 0 {
		t.Error("there are fields that no collector knows")
	}
	child := in.ResourceSpans[0].ScopeSpans[0].Spans[0]
	if child.Name != "child ä" || len(child.TraceId) != 16 || len(child.SpanId) != 8 || !bytes.Equal(child.ParentSpanId, in.ResourceSpans[0].ScopeSpans[0].Spans[1].SpanId) {
		t.Errorf("%+v", child)
	}
	if child.StartTimeUnixNano != uint64(list[0].StartTime().UnixNano()) || child.EndTimeUnixNano < child.StartTimeUnixNano {
		t.Error("the times are not the span's")
	}
	got := map[string]string{}
	for _, a := range child.Attributes {
		got[a.Key] = strings.ReplaceAll(a.Value.String(), " ", "")
	}
	if got["n"] != "int_value:-3" || got["b"] != `string_value:"true"` || got["f"] != `string_value:"1.5"` || got["s"] != `string_value:""` {
		t.Errorf("%v", got)
	}
	if child.Status.Code.Number() != 2 || child.Status.Message != "" {
		t.Errorf("%v", child.Status)
	}
}

func TestVariablesOfTheExporter(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, _ = io.ReadAll(z)
	}))
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := newExporter([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + srv.URL + "/base/", "OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20abc, x-team = web",
		"OTEL_EXPORTER_OTLP_COMPRESSION=none", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=gzip",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + ca, "OTEL_EXPORTER_OTLP_TIMEOUT=5000",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.ExportSpans(t.Context(), spans(t)), e.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/base/v1/traces" || got.Header.Get("Authorization") != "Basic abc" || got.Header.Get("X-Team") != "web" ||
		got.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, new(collector.ExportTraceServiceRequest)) != nil {
		t.Errorf("%s %v", got.URL, got.Header)
	}
	whole, err := newExporter([]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:1/mine", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:2"})
	if err != nil || whole.url != "http://127.0.0.1:1/mine" {
		t.Errorf("%v, %v", whole, err)
	}
	for _, bad := range []string{"ENDPOINT=canary", "ENDPOINT=ftp://canary", "HEADERS=canary", "HEADERS=a=%zzcanary", "HEADERS=a=%0d%0acanary", "TIMEOUT=canary", "TIMEOUT=0",
		"COMPRESSION=canary", "CERTIFICATE=/canary", "CLIENT_KEY=/canary"} {
		_, err := newExporter([]string{"OTEL_EXPORTER_OTLP_" + bad})
		if core.CodeOf(err) != core.Invalid || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// answers is a collector without a network, so that time can be the test's own.
type answers struct {
	codes []int
	times []time.Duration
	began time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	a.times = append(a.times, time.Since(a.began))
	code := a.codes[min(len(a.times), len(a.codes))-1]
	if code == 0 {
		return nil, errors.New("no connection")
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: r}, nil
}

func TestCollectorThatIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		codes []int
		sent  int
		ok    bool
	}{
		"comes back":      {[]int{0, 503, 200}, 3, true},
		"stays away":      {[]int{0}, tries, false},
		"does not want":   {[]int{400}, 1, false},
		"leads elsewhere": {[]int{302}, 1, false},
		"too much":        {[]int{429, 200}, 2, true},
	} {
		list := spans(t)
		synctest.Test(t, func(t *testing.T) {
			a := &answers{codes: c.codes, began: time.Now()}
			e, err := newExporter(nil)
			if err != nil {
				t.Fatal(err)
			}
			e.client = &http.Client{Transport: a, CheckRedirect: e.client.CheckRedirect}
			if err := e.ExportSpans(t.Context(), list); (err == nil) != c.ok || len(a.times) != c.sent {
				t.Errorf("%s: %v after %d tries", name, err, len(a.times))
			}
			if n := len(a.times); n == tries && a.times[n-1] != 7*time.Second {
				t.Errorf("%s: tried at %v", name, a.times)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := e.ExportSpans(ended, list); err == nil && !c.ok {
				t.Errorf("%s: what was not sent is no error", name)
			}
		})
	}
}
