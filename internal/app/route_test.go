package app

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/internal/listen"
)

// What a handler panics with may hold text of the request: it must reach neither
// the log nor whoever asked, and the server goes on.
func TestPanicStaysInItsRequest(t *testing.T) {
	var log bytes.Buffer
	fails := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/bad" {
			panic("canary" + r.Header.Get("X-Canary"))
		}
		if r.URL.Path == "/v1/cut" {
			panic(http.ErrAbortHandler)
		}
	})
	routes := &router{log: slog.New(slog.NewJSONHandler(&log, nil)), api: fails, hosts: listen.Hosts{}}
	srv := httptest.NewUnstartedServer(routes)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.NewJSONHandler(&log, nil), slog.LevelError)
	srv.Start()
	defer srv.Close()
	// A connection of its own for each: on one that was used before, a client sends
	// a request again that broke off.
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, ok := range map[string]bool{"/v1/bad": false, "/v1/cut": false, "/v1/good": true} {
		resp, err := once.Get(srv.URL + path)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	srv.Close()
	if got := log.String(); strings.Count(got, `"panic"`) != 1 || strings.Contains(got, "canary") {
		t.Errorf("the log:\n%s", got)
	}
}

func TestDirect(t *testing.T) {
	for _, c := range []struct {
		remote, header string
		want           bool
	}{
		{"127.0.0.1:1", "", true}, {"[::1]:1", "", true}, {"[::ffff:127.0.0.1]:1", "", true}, {"10.0.0.1:1", "", false},
		{"127.0.0.1:1", "X-Forwarded-For", false}, {"127.0.0.1:1", "Forwarded", false}, {"127.0.0.1:1", "X-Real-IP", false}, {"", "", false},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = c.remote
		if c.header != "" {
			r.Header.Set(c.header, "127.0.0.1")
		}
		if got := direct(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestReached(t *testing.T) {
	for _, c := range []struct{ at, want string }{{"0.0.0.0:80", "127.0.0.1:80"}, {"[::]:80", "127.0.0.1:80"}, {"[::1]:80", "[::1]:80"}, {"10.0.0.1:80", "10.0.0.1:80"}} {
		addr, err := net.ResolveTCPAddr("tcp", c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Server{main: at{addr}}).reached(); got != c.want {
			t.Errorf("%s is %s", c.at, got)
		}
	}
}

// at is a listener that is only an address.
type at struct{ addr net.Addr }

func (a at) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (a at) Close() error              { return nil }
func (a at) Addr() net.Addr            { return a.addr }
