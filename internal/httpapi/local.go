package httpapi

import (
	"log/slog"
	"net"
	"net/http"

	"keyfob/internal/core"
)

// LocalOnly refuses what a web page could send to a port of this machine: a
// request whose Host is not a loopback name (DNS rebinding), and any request
// with an Origin.
func LocalOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, origin := r.Header["Origin"]; origin || !IsLoopbackHost(r.Host) {
			WriteProblem(w, r, slog.New(slog.DiscardHandler), core.Errorf(core.Forbidden, "this address answers programs of this machine only").
				WithReason(reasonOrigin).WithHint("call it as http://127.0.0.1:PORT and send no Origin"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// IsLoopbackHost says whether a Host header names this machine's loopback.
func IsLoopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return name == "127.0.0.1" || name == "::1" || name == "[::1]" || name == "localhost"
}
