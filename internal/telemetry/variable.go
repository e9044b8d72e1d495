package telemetry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// variables are OpenTelemetry's of an OTLP exporter
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). One that cannot
// be used is left out, as the specification wants it, and the log names it.
type variables struct {
	environ []string
	log     *slog.Logger
}

// get is the variable for traces, else that for everything, with its full name.
func (v variables) get(name string) (value, variable string) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if value := strings.TrimSpace(lookup(v.environ, variable)); value != "" {
			return value, variable
		}
	}
	return "", ""
}

func (v variables) leftOut(variable string) {
	v.log.LogAttrs(context.Background(), slog.LevelWarn, "a variable cannot be used and is left out", slog.String("variable", variable))
}

// collector is where they say.
func (v variables) collector(version string) (*collector, error) {
	at, trust := v.address(), v.certificates()
	if at.Scheme == "http" && trust != nil {
		return nil, errors.New("certificates for an address without TLS")
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	if trust != nil {
		t.TLSClientConfig = trust
	}
	headers := v.headers()
	if headers.Get("User-Agent") == "" {
		headers.Set("User-Agent", "keyfob/"+version)
	}
	how, _ := v.get("COMPRESSION")
	return newCollector(at.String(), headers, how == "gzip", &http.Client{Transport: t, Timeout: v.timeout()}), nil
}

// address takes the one for traces as it is; below the one for everything traces
// have a path of their own. wanted has looked at both.
func (v variables) address() *url.URL {
	const below = "/v1/traces"
	out := &url.URL{Scheme: "https", Host: "localhost:4318", Path: below}
	if text, variable := v.get("ENDPOINT"); text != "" {
		u, _ := url.Parse(text)
		out = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path.Join("/", u.Path, below)}
		if strings.Contains(variable, "_TRACES_") {
			out.Path = "/" + strings.TrimPrefix(u.Path, "/")
		}
	}
	if text, _ := v.get("INSECURE"); strings.EqualFold(text, "true") {
		out.Scheme = "http"
	} else if text != "" {
		out.Scheme = "https"
	}
	return out
}

// headers are written as NAME=VALUE,NAME=VALUE, the value escaped as in a URL.
func (v variables) headers() http.Header {
	out := http.Header{}
	text, variable := v.get("HEADERS")
	if text == "" {
		return out
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || err != nil || !isToken(name) || strings.ContainsFunc(value, unicode.IsControl) {
			v.leftOut(variable)
			continue
		}
		out.Set(name, value)
	}
	return out
}

// isToken follows RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// timeout of one try, which is written in milliseconds.
func (v variables) timeout() time.Duration {
	text, variable := v.get("TIMEOUT")
	n, err := strconv.Atoi(text)
	if text != "" && (err != nil || n < 0) {
		v.leftOut(variable)
	}
	if err != nil || n < 0 {
		return 10 * time.Second
	}
	return time.Duration(n) * time.Millisecond
}

// certificates are the authorities to trust and what to show; nil: none are named.
func (v variables) certificates() *tls.Config {
	var out *tls.Config
	if file, variable := v.get("CERTIFICATE"); file != "" {
		roots := x509.NewCertPool()
		if pem, err := os.ReadFile(file); err == nil && roots.AppendCertsFromPEM(pem) {
			out = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		} else {
			v.leftOut(variable)
		}
	}
	cert, variable := v.get("CLIENT_CERTIFICATE")
	key, _ := v.get("CLIENT_KEY")
	if cert == "" || key == "" {
		return out
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		v.leftOut(variable)
		return out
	}
	if out == nil {
		out = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	out.Certificates = []tls.Certificate{pair}
	return out
}
