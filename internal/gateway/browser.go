package gateway

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Whoever adds an account chooses what its upstream answers, and over TLS the
// gateway shares its host with the pages. So no answer may become a document, a
// script or a worker of that host, nor change what a browser holds for it:
// requests that a browser makes for such are refused, and should one come
// through, its answer is inert.

// programs are the values of the headers by which a browser says what it wants
// an answer for (Fetch Metadata) that programs send as well: the fetch of
// Node.js says "cors", that of Electron's main process "no-cors", "empty" and
// "none". With any other a page, a frame, a worker or the address bar asks.
var programs = map[string][]string{
	"Sec-Fetch-Mode": {"cors", "no-cors"},
	"Sec-Fetch-Dest": {"empty"},
	"Sec-Fetch-Site": {"none"},
	"Service-Worker": nil,
}

// ofPage says whether a web page made a browser send this, or its user did.
func ofPage(h http.Header) bool {
	if _, ok := h["Origin"]; ok {
		return true
	}
	for name, allowed := range programs {
		for _, v := range h[name] {
			if !slices.Contains(allowed, v) {
				return true
			}
		}
	}
	return false
}

// shield is on every answer, whatever the upstream says of these: it is shown in
// no frame and has no origin, is what it says it is, is no part of another
// site's page, and is kept by nobody on the way.
var shield = http.Header{
	"Content-Security-Policy":      {"sandbox; default-src 'none'; frame-ancestors 'none'"},
	"X-Content-Type-Options":       {"nosniff"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Cache-Control":                {"no-store"},
}

func protect(h http.Header) {
	for name, values := range shield {
		h[name] = values
	}
}

// neverAnswered are the headers of an upstream's that speak to a browser or to a
// proxy of the host, besides neverPass. No adapter allows one of them.
func neverAnswered(name string) bool {
	_, ours := shield[name]
	return ours || commands[name] || strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "Cross-Origin-") ||
		strings.HasPrefix(name, "Content-Security-Policy") || strings.HasPrefix(name, "Sec-")
}

var commands = map[string]bool{
	"Accept-Ch": true, "Clear-Site-Data": true, "Content-Location": true, "Critical-Ch": true, "Document-Policy": true,
	"Expires": true, "Link": true, "Nel": true, "No-Vary-Search": true, "Origin-Agent-Cluster": true, "Permissions-Policy": true,
	"Pragma": true, "Refresh": true, "Report-To": true, "Reporting-Endpoints": true, "Service-Worker-Allowed": true,
	"Set-Login": true, "Sourcemap": true, "Speculation-Rules": true, "Supports-Loading-Mode": true, "X-Frame-Options": true,
	"X-Sourcemap": true, "X-Accel-Redirect": true, "X-Accel-Expires": true, "X-Sendfile": true,
}

// inert gives an upstream's content type, if it is one by which APIs answer.
// What else is text, such as the error page of a proxy before the API, is plain
// text, and the rest plain bytes: no browser shows or runs either. The body
// stays as it is.
func inert(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	kind, _, _ := strings.Cut(values[0], ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case len(values) == 1 && harmless(kind) && !strings.Contains(values[0], ","): // after a comma could come another
		return values
	case isText(kind):
		return []string{"text/plain; charset=" + charset(values[0])}
	}
	return []string{"application/octet-stream"}
}

// harmless says whether a browser does no more with a kind than show it.
func harmless(kind string) bool {
	family, rest, _ := strings.Cut(kind, "/")
	switch family {
	case "audio", "video":
		return !strings.HasSuffix(rest, "xml")
	case "image":
		return !strings.HasSuffix(rest, "xml") && !strings.HasPrefix(rest, "svg")
	case "application":
		return slices.Contains(dataKinds, rest) || strings.HasSuffix(rest, "+json")
	case "text":
		return rest == "plain" || rest == "event-stream" || rest == "csv" || rest == "markdown"
	}
	return false
}

// dataKinds are those of application/.
var dataKinds = []string{
	"json", "json+protobuf", "x-ndjson", "ndjson", "jsonl", "x-jsonlines", "jsonlines", "octet-stream", "x-protobuf", "protobuf",
	"msgpack", "x-msgpack", "vnd.amazon.eventstream", "zip", "gzip", "x-gzip", "x-tar", "x-npz", "vnd.apache.arrow.stream",
}

func isText(kind string) bool {
	if strings.HasPrefix(kind, "text/") || strings.Contains(kind, "xml") || strings.Contains(kind, "html") {
		return true
	}
	return strings.HasSuffix(kind, "script") || strings.HasPrefix(kind, "application/json")
}

// charset is what a content type says of its text, if it is a plain word.
func charset(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType) // without one it is the usual
	c := params["charset"]
	word := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_'
	}
	if c == "" || len(c) > 32 || strings.ContainsFunc(c, func(r rune) bool { return !word(r) }) {
		return "utf-8"
	}
	return c
}
