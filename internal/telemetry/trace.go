package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"keyfob/internal/core"
)

// Tracing makes a span of each request. A nil *Tracing does nothing and costs
// nothing.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// OpenTracing gives tracing where OpenTelemetry's variables ask for it: an
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or
// OTEL_TRACES_EXPORTER=otlp; else nil. Everything else that they say (address,
// headers, certificates, sampler, service name, batches, limits) is read by
// OpenTelemetry's own library, from the environment of the process. Errors:
// invalid, for a variable that cannot be.
func OpenTracing(ctx context.Context, environ []string, version string, log *slog.Logger) (*Tracing, error) {
	on, err := wanted(environ)
	if err != nil || !on {
		return nil, err
	}
	// What the library says could hold an address with credentials.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "traces could not be sent")
	}))
	otel.SetLogger(logr.Discard())
	out, err := otlptracehttp.New(ctx) // it dials when there is something to send
	if err != nil {
		return nil, core.Errorf(core.Invalid, "OpenTelemetry's variables cannot be used").WithHint("check those that begin with OTEL_EXPORTER_OTLP_").Wrap(err)
	}
	return newTracing(ctx, version, sdk.WithBatcher(out))
}

func newTracing(ctx context.Context, version string, options ...sdk.TracerProviderOption) (*Tracing, error) {
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "keyfob"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // what the environment says counts
	if err != nil {
		return nil, core.Errorf(core.Invalid, "OTEL_RESOURCE_ATTRIBUTES cannot be read").WithHint("write KEY=VALUE,KEY=VALUE").Wrap(err)
	}
	p := sdk.NewTracerProvider(append(options, sdk.WithResource(res))...)
	return &Tracing{provider: p, tracer: p.Tracer("keyfob", trace.WithInstrumentationVersion(version))}, nil
}

func wanted(environ []string) (bool, error) {
	get := func(name string) string { return strings.ToLower(strings.TrimSpace(lookup(environ, name))) }
	if get("OTEL_SDK_DISABLED") == "true" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		// The library would go on with another address.
		if u, err := url.Parse(lookup(environ, name)); err != nil || u.String() != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return false, core.Errorf(core.Invalid, "%s is not an address", name).WithHint("write a URL such as http://127.0.0.1:4318")
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if p := get(name); p != "" && p != "http/protobuf" {
			return false, core.Errorf(core.Invalid, "%s asks for a protocol that is not here", name).WithHint("set it to http/protobuf; collectors listen for it on port 4318")
		}
	}
	switch get("OTEL_TRACES_EXPORTER") {
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	case "":
		return get("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
	}
	return false, core.Errorf(core.Invalid, "OTEL_TRACES_EXPORTER asks for an exporter that is not here").WithHint("otlp and none are")
}

func lookup(environ []string, name string) (value string) {
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// Close sends what is still to be sent.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Handler makes a span of each request to next: its name is the method and the
// route's pattern, which next leaves in the request. A traceparent of the
// caller's becomes a link and never a parent: nobody outside decides what is
// sampled, nor writes into a trace of ours.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := t.tracer.Start(r.Context(), methodOf(r.Method),
			trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(callerOf(r)...))
		defer span.End()
		if !span.IsRecording() {
			next.ServeHTTP(w, r)
			return
		}
		in, out := r.WithContext(ctx), &watched{ResponseWriter: w}
		next.ServeHTTP(out, in)
		describe(span, in, out)
	})
}

func callerOf(r *http.Request) []trace.Link {
	if r.Header.Get("Traceparent") == "" {
		return nil
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": r.Header.Get("Traceparent")})
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		return []trace.Link{{SpanContext: sc}}
	}
	return nil
}

// describe puts what may be known of a request on its span.
func describe(span trace.Span, r *http.Request, w *watched) {
	method, route := methodOf(r.Method), routeOf(r)
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", w.code()))
	if w.code() >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// routeOf is the pattern without its method; "none" where no route was found.
func routeOf(r *http.Request) string {
	pattern := r.Pattern
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "" {
		return "none"
	}
	return pattern
}

// Exchanged adds to a request's span what the gateway knows of it.
func (t *Tracing) Exchanged(ctx context.Context, e Exchange, account string) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String("keyfob.provider", e.Provider), attribute.String("keyfob.account", account),
		attribute.String("keyfob.local", e.Local), attribute.Int("keyfob.rotations", e.Rotations))
}

// watched remembers the status. It passes flushes on, and by Unwrap everything
// that http.ResponseController knows.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *watched) WriteHeader(status int) {
	if w.status < 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (w *watched) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
