package telemetry

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	service "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func TestWhereTracesGo(t *testing.T) {
	for _, c := range []struct {
		want    string
		environ []string
	}{
		{"https://localhost:4318/v1/traces", nil},
		{"http://c:4318/v1/traces", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}},
		{"https://c/below/v1/traces", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/below/"}},
		{"https://c/", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c"}},
		{"https://c/as/it/is/", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c/as/it/is/"}},
		{"https://c/x", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://user:word@c/x?y=1"}},
		{"http://c/x", []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://c/x", "OTEL_EXPORTER_OTLP_INSECURE=true"}},
		{"https://c/v1/traces", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_INSECURE=true", "OTEL_EXPORTER_OTLP_TRACES_INSECURE=false"}},
	} {
		if got := (variables{environ: c.environ}).address().String(); got != c.want {
			t.Errorf("%v: %s", c.environ, got)
		}
	}
}

// What was set for the whole cluster must not keep a server from starting: what
// cannot be used is left out and named, without its value.
func TestVariablesThatCannotBeUsed(t *testing.T) {
	var log bytes.Buffer
	v := variables{[]string{
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=a%20b,canary7f31,x y=canary7f31,ok = c ,n=a%0acanary7f31,u=%zz",
		"OTEL_EXPORTER_OTLP_TIMEOUT=canary7f31", "OTEL_EXPORTER_OTLP_CERTIFICATE=/canary7f31",
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/canary7f31", "OTEL_EXPORTER_OTLP_CLIENT_KEY=/canary7f31",
	}, slog.New(slog.NewTextHandler(&log, nil))}
	c, err := v.collector("1")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.headers) != 3 || c.headers.Get("Api-Key") != "a b" || c.headers.Get("Ok") != "c" || c.headers.Get("User-Agent") != "keyfob/1" {
		t.Errorf("headers are %v", c.headers)
	}
	if c.client.Timeout != 10*time.Second {
		t.Errorf("one try takes %v", c.client.Timeout)
	}
	for _, name := range []string{"HEADERS", "TIMEOUT", "CERTIFICATE", "CLIENT_CERTIFICATE"} {
		if !strings.Contains(log.String(), "variable=OTEL_EXPORTER_OTLP_"+name+"\n") {
			t.Errorf("%s is not named:\n%s", name, log.String())
		}
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("a value is in the log:\n%s", log.String())
	}
	v.environ = []string{"OTEL_EXPORTER_OTLP_TIMEOUT=250", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_HEADERS=user-agent=mine"}
	if c, err = v.collector("1"); err != nil || c.client.Timeout != 250*time.Millisecond || !c.compress || c.headers.Get("User-Agent") != "mine" {
		t.Errorf("got %+v, %v", c, err)
	}
}

// answers is a collector that gives one answer after the other, the last one for
// ever.
type answers struct {
	list   []*http.Response
	asked  []time.Duration // since the first
	bodies [][]byte
	first  time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.first.IsZero() {
		a.first = time.Now()
	}
	a.asked = append(a.asked, time.Since(a.first))
	b, err := io.ReadAll(r.Body)
	a.bodies = append(a.bodies, b)
	out := a.list[min(len(a.asked), len(a.list))-1]
	if out == nil {
		return nil, errors.New("away")
	}
	again := *out
	again.Body = io.NopCloser(strings.NewReader(out.Status))
	return &again, err
}

func says(code int, header, value, body string) *http.Response {
	return &http.Response{StatusCode: code, Status: body, Header: http.Header{header: {value}}}
}

func spans() []*otlp.ResourceSpans {
	return []*otlp.ResourceSpans{{ScopeSpans: []*otlp.ScopeSpans{{Spans: []*otlp.Span{{Name: "one"}}}}}}
}

func TestABatchIsSentAgain(t *testing.T) {
	ok := says(200, "X", "", "")
	for name, c := range map[string]struct {
		answers []*http.Response
		at      []time.Duration
		fails   bool
	}{
		"taken":       {[]*http.Response{ok}, []time.Duration{0}, false},
		"refused":     {[]*http.Response{says(400, "X", "", ""), ok}, []time.Duration{0}, true},
		"away":        {[]*http.Response{nil, ok}, []time.Duration{0}, true},
		"busy":        {[]*http.Response{says(429, "X", "", ""), says(503, "X", "", ""), ok}, []time.Duration{0, 5 * time.Second, 12500 * time.Millisecond}, false},
		"busy so far": {[]*http.Response{says(502, "Retry-After", "9", ""), ok}, []time.Duration{0, 9 * time.Second}, false},
		"too long":    {[]*http.Response{says(504, "Retry-After", "3600", "")}, []time.Duration{0}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{list: c.answers}
				to := newCollector("http://c/", http.Header{}, false, &http.Client{Transport: a})
				if err := to.UploadTraces(t.Context(), spans()); (err != nil) != c.fails {
					t.Errorf("got %v", err)
				}
				if len(a.asked) != len(c.at) {
					t.Fatalf("asked at %v", a.asked)
				}
				for i, at := range c.at {
					if a.asked[i] != at || !bytes.Equal(a.bodies[i], a.bodies[0]) || len(a.bodies[i]) == 0 {
						t.Errorf("try %d at %v, with %d bytes", i, a.asked[i], len(a.bodies[i]))
					}
				}
				synctest.Wait()
			})
		})
	}
}

// The end of a server waits for no collector that is busy.
func TestStopEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := newCollector("http://c/", http.Header{}, false, &http.Client{Transport: &answers{list: []*http.Response{says(503, "X", "", "")}}})
		began, done := time.Now(), make(chan error)
		go func() { done <- to.UploadTraces(t.Context(), spans()) }()
		synctest.Wait()
		_ = to.Stop(t.Context())
		if err := <-done; err == nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		_ = to.Stop(t.Context())
	})
}

// Spans that a collector refused are lost: that is told as well.
func TestAPartOfABatch(t *testing.T) {
	marshal := func(p *service.ExportTracePartialSuccess) string {
		b, err := proto.Marshal(&service.ExportTraceServiceResponse{PartialSuccess: p})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for body, fails := range map[string]bool{
		"": false, "no protobuf\xff": false, marshal(&service.ExportTracePartialSuccess{}): false,
		marshal(&service.ExportTracePartialSuccess{RejectedSpans: 3}):   true,
		marshal(&service.ExportTracePartialSuccess{ErrorMessage: "no"}): true,
	} {
		a := &answers{list: []*http.Response{says(200, "Content-Type", protobuf, body)}}
		err := newCollector("http://c/", http.Header{}, false, &http.Client{Transport: a}).UploadTraces(t.Context(), spans())
		if (err != nil) != fails {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// A collector behind TLS, with an authority of its own, that asks for a certificate.
func TestTracesOverTLS(t *testing.T) {
	got := make(chan *service.ExportTraceServiceRequest, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil || r.Header.Get("Api-Key") != "key" || len(r.TLS.PeerCertificates) != 1 {
			t.Errorf("%v, %v, %d certificates", err, r.Header, len(r.TLS.PeerCertificates))
			return
		}
		b, err := io.ReadAll(z)
		var in service.ExportTraceServiceRequest
		if err := errors.Join(err, proto.Unmarshal(b, &in)); err != nil {
			t.Error(err)
		}
		got <- &in
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.StartTLS()
	defer srv.Close()
	cert, key := pair(t, srv)
	v := variables{[]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + srv.URL, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_HEADERS=api-key=key",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + cert, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + cert, "OTEL_EXPORTER_OTLP_CLIENT_KEY=" + key,
	}, slog.New(slog.DiscardHandler)}
	to, err := v.collector("1")
	if err != nil {
		t.Fatal(err)
	}
	if err := to.UploadTraces(t.Context(), spans()); err != nil {
		t.Fatal(err)
	}
	if in := <-got; in.ResourceSpans[0].ScopeSpans[0].Spans[0].Name != "one" {
		t.Errorf("got %v", in)
	}
	v.environ[0] = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	if _, err := v.collector("1"); err == nil {
		t.Error("certificates are named, and nothing asks for them")
	}
}

// pair writes the server's certificate and its key to files.
func pair(t *testing.T, srv *httptest.Server) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(srv.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
