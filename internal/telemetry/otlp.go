package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"keyfob/internal/core"
)

// exporter sends spans to a collector: OTLP over HTTP in protobuf
// (OpenTelemetry protocol 1.x). It is small on purpose: the library for it brings
// gRPC along, which every command would load.
type exporter struct {
	client  *http.Client
	url     string
	headers http.Header
	zip     bool
}

var _ sdk.SpanExporter = (*exporter)(nil)

// variable is one of the exporter's: the setting for traces before that for all.
func variable(environ []string, name string) string {
	if v := lookup(environ, "OTEL_EXPORTER_OTLP_TRACES_"+name); v != "" {
		return v
	}
	return lookup(environ, "OTEL_EXPORTER_OTLP_"+name)
}

// newExporter reads the exporter's variables as the specification has them
// (OpenTelemetry Protocol Exporter). No error repeats a value.
func newExporter(environ []string) (*exporter, error) {
	e := &exporter{headers: http.Header{"Content-Type": {"application/x-protobuf"}}}
	var err error
	if e.url, err = endpoint(environ); err != nil {
		return nil, err
	}
	if err := e.addHeaders(variable(environ, "HEADERS")); err != nil {
		return nil, err
	}
	switch variable(environ, "COMPRESSION") {
	case "gzip":
		e.zip = true
	case "", "none":
	default:
		return nil, badVariable("COMPRESSION", "gzip or none")
	}
	timeout := 10 * time.Second
	if text := variable(environ, "TIMEOUT"); text != "" {
		ms, err := strconv.ParseUint(text, 10, 31)
		if err != nil || ms == 0 {
			return nil, badVariable("TIMEOUT", "milliseconds")
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	conf, err := trust(environ)
	if err != nil {
		return nil, err
	}
	e.client = &http.Client{
		Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, MaxIdleConns: 2, IdleConnTimeout: time.Minute},
	}
	return e, nil
}

func endpoint(environ []string) (string, error) {
	text, path := lookup(environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), ""
	if text == "" {
		text, path = lookup(environ, "OTEL_EXPORTER_OTLP_ENDPOINT"), "v1/traces"
	}
	if text == "" {
		text = "http://localhost:4318"
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", badVariable("ENDPOINT", "a URL such as http://127.0.0.1:4318")
	}
	return u.JoinPath(path).String(), nil
}

// addHeaders reads KEY=VALUE,KEY=VALUE, values percent-encoded.
func (e *exporter) addHeaders(text string) error {
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(v))
		if k = strings.TrimSpace(k); !ok || k == "" || err != nil || strings.ContainsAny(k+value, "\r\n") {
			return badVariable("HEADERS", "KEY=VALUE,KEY=VALUE")
		}
		e.headers.Set(k, value)
	}
	return nil
}

func trust(environ []string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := variable(environ, "CERTIFICATE"); path != "" {
		b, err := os.ReadFile(path)
		conf.RootCAs = x509.NewCertPool()
		if err != nil || !conf.RootCAs.AppendCertsFromPEM(b) {
			return nil, badVariable("CERTIFICATE", "a file with certificates in PEM")
		}
	}
	if cert, key := variable(environ, "CLIENT_CERTIFICATE"), variable(environ, "CLIENT_KEY"); cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, badVariable("CLIENT_CERTIFICATE", "a certificate in PEM, and OTEL_EXPORTER_OTLP_CLIENT_KEY its key")
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

func badVariable(name, want string) error {
	return core.Errorf(core.Invalid, "OTEL_EXPORTER_OTLP_%s must be %s", name, want).WithHint("set it so, or unset it; OTEL_SDK_DISABLED=true switches tracing off")
}

// tries is how often a batch is sent that the collector may take later.
const tries = 4

// ExportSpans implements sdk.SpanExporter. What a collector refuses for now is
// sent again until ctx ends or tries are used up.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body := encode(spans)
	if e.zip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // into memory
		_ = z.Close()
		body = b.Bytes()
	}
	wait := time.Second
	for n := 1; ; n++ {
		again, err := e.send(ctx, body)
		if err == nil || !again || n == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// send says whether the same may go well later.
func (e *exporter) send(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header = e.headers.Clone()
	if e.zip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, core.Errorf(core.Unavailable, "the collector answers %d", resp.StatusCode)
}

// Shutdown implements sdk.SpanExporter.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}
