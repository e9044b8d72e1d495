package httpapi

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"keyfob/internal/core"
)

// router finds the route of a request. It never redirects: a path that is not
// written in the shortest way is none.
type router struct {
	areas  map[string]func() *http.ServeMux
	server *Server
}

// serve makes the mux of an area when it is first asked for: one for all routes
// takes longer to make than a command's request to answer.
func (s *Server) serve(prove prover, routes []Route) http.Handler {
	in := map[string][]*Route{}
	for i := range routes {
		name := area(routes[i].Path)
		in[name] = append(in[name], &routes[i])
	}
	t := router{areas: make(map[string]func() *http.ServeMux, len(in)), server: s}
	for name, routes := range in {
		t.areas[name] = sync.OnceValue(func() *http.ServeMux {
			mux := http.NewServeMux()
			for _, r := range routes {
				mux.Handle(r.Method+" "+r.Path, s.answer(r, prove))
			}
			return mux
		})
	}
	return t
}

// area is the first name of a path below /v1, which no route leaves open; empty
// for what is not below it.
func area(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	return name
}

// ServeHTTP implements http.Handler.
func (t router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, ok := t.areas[area(r.URL.Path)]
	if p := r.URL.EscapedPath(); !ok || !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		t.refuse(w, r, noRoute())
		return
	}
	mux := in()
	if _, pattern := mux.Handler(r); pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	allowed := allowed(mux, r)
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
	t.server.told(r, Observation{Route: "none", Method: "none", Status: status}, "", PublicError(err).Reason)
}

// allowed are the methods that the path answers to.
func allowed(mux *http.ServeMux, r *http.Request) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		try := *r
		try.Method = m
		if _, pattern := mux.Handler(&try); pattern != "" {
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
