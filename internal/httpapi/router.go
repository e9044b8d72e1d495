package httpapi

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"keyfob/internal/core"
)

// router finds the route of a request. It never redirects: a path that is not
// written in the shortest way is none.
type router struct {
	mux    *http.ServeMux
	server *Server
}

func (s *Server) serve(prove prover, routes []Route) http.Handler {
	mux := http.NewServeMux()
	for i, r := range routes {
		mux.Handle(r.Method+" "+r.Path, s.answer(&routes[i], prove))
	}
	return router{mux, s}
}

// ServeHTTP implements http.Handler.
func (t router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.EscapedPath(); !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		t.refuse(w, r, noRoute())
		return
	}
	if _, pattern := t.mux.Handler(r); pattern != "" {
		t.mux.ServeHTTP(w, r)
		return
	}
	allowed := t.allowed(r)
	switch {
	case len(allowed) == 0:
		t.refuse(w, r, noRoute())
	case r.Method == http.MethodOptions:
		plain(w.Header())
		takeWithin(w)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		w.WriteHeader(http.StatusNoContent)
	default:
		t.refuse(w, r, notAllowed(w, allowed))
	}
}

func (t router) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := WriteProblem(w, r, t.server.Log, err)
	if t.server.Observe != nil {
		t.server.Observe(Observation{Route: "none", Method: "none", Status: status})
	}
}

// allowed are the methods that the path answers to.
func (t router) allowed(r *http.Request) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		try := *r
		try.Method = m
		if _, pattern := t.mux.Handler(&try); pattern != "" {
			out = append(out, m)
		}
	}
	if len(out) > 0 {
		out = append(out, http.MethodOptions)
	}
	return slices.Clip(out)
}

func noRoute() error {
	return core.Errorf(core.NotFound, "no such route").WithReason(reasonNoRoute).WithHint("the API reference lists the routes: /openapi.json")
}

func notAllowed(w http.ResponseWriter, allowed []string) error {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return core.Errorf(core.Invalid, "this path takes no such method").WithReason(reasonMethod).WithHint("it takes %s", strings.Join(allowed, ", "))
}
