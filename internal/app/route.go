package app

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"keyfob/internal/core"
	"keyfob/internal/httpapi"
	"keyfob/internal/listen"
)

// router is what a server's port answers. It decides on the Host before anything
// else is looked at, and keeps cookies from wherever they do not count.
type router struct {
	hosts listen.Hosts
	peers httpapi.Peers
	log   *slog.Logger

	gateway, api, pages, plain http.Handler // plain are the pages that need nobody signed in
	live, ready, metrics       http.Handler

	draining atomic.Bool
}

// admitted is the one host that the gateway answers to: the router has looked at
// the request's own. No DNS has it (RFC 6761, section 6.4).
const admitted = "admitted.invalid"

// ServeHTTP implements http.Handler.
func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer t.contain(w, r)
	place := t.place(r)
	if t.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	switch {
	case place == listen.Foreign:
		t.refuse(w, r, "this server does not answer to that host", "call it by its public URL, or by the address that keyfob serve prints", "foreign_host")
	case strings.HasPrefix(r.URL.Path, "/p/") && place == listen.Pages && t.hosts.Apart():
		t.refuse(w, r, "the gateway is not at the pages' address", "call it by the address in KEYFOB_URL", "foreign_host")
	case strings.HasPrefix(r.URL.Path, "/p/"):
		r.Pattern, r.Host = "/p/{provider}/{namespace}/", admitted
		t.gateway.ServeHTTP(w, r)
	case place == listen.Programs && len(r.Header.Values("Origin")) > 0:
		t.refuse(w, r, "this address answers programs, not web pages", "send no Origin, or use the pages' own address", "origin")
	case strings.HasPrefix(r.URL.Path, "/v1/"), r.URL.Path == "/openapi.json":
		t.cookies(place, r)
		t.api.ServeHTTP(w, r)
	default:
		t.other(place, w, r)
	}
}

func (t *router) other(place listen.Place, w http.ResponseWriter, r *http.Request) {
	t.cookies(place, r)
	switch {
	case r.URL.Path == "/healthz":
		t.live.ServeHTTP(w, r)
	case r.URL.Path == "/readyz":
		t.ready.ServeHTTP(w, r)
	case r.URL.Path == "/metrics" && t.metrics != nil && direct(r):
		t.metrics.ServeHTTP(w, r)
	case place == listen.Pages:
		t.pages.ServeHTTP(w, r)
	default:
		t.plain.ServeHTTP(w, r)
	}
}

// place goes by the Host that a proven proxy says, else by the request's own.
func (t *router) place(r *http.Request) listen.Place {
	if p := t.peers.Of(r); p.Proven && p.Host != r.Host {
		through := *r
		through.Host = p.Host
		return t.hosts.Place(&through)
	}
	return t.hosts.Place(r)
}

// cookies takes them off where they do not count: on an address that other ports
// share, they could be another server's, or planted.
func (t *router) cookies(place listen.Place, r *http.Request) {
	if place != listen.Pages {
		r.Header.Del("Cookie")
	}
}

func (t *router) refuse(w http.ResponseWriter, r *http.Request, what, hint, reason string) {
	httpapi.WriteProblem(w, r, t.log, core.Errorf(core.Forbidden, "%s", what).WithReason(reason).WithHint("%s", hint))
}

// contain keeps a panic to its request. The value may hold text of the request;
// the stack holds none.
func (t *router) contain(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler { //nolint:errorlint // the documented sentinel is compared as such
		t.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("stack", string(debug.Stack())))
	}
	panic(http.ErrAbortHandler) // what was written is not whole, or there is nothing
}

// direct says whether a request comes from this machine itself: not through a
// proxy, and not by a web page.
func direct(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via", "Origin"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, ok := remote(r)
	return ok && host.IsLoopback()
}

// live answers that the process runs.
func live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}
