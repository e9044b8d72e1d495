package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A name below localhost is this machine, though no resolver knows it, and a
// proxy is not asked for it.
func TestLocalhostIsThisMachine(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.", "abc.keyfob.localhost", "ABC.LOCALHOST"} {
		base := "http://" + net.JoinHostPort(host, port)
		rt := loopback(base, nil)
		if rt == nil {
			t.Errorf("%s is not taken for this machine", host)
			continue
		}
		c := http.Client{Transport: rt}
		resp, err := c.Get(base)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		_ = resp.Body.Close()
		c.CloseIdleConnections()
	}
	for _, base := range []string{"https://keyfob.example", "http://localhost.example", "http://10.0.0.1", "::"} {
		if loopback(base, nil) != nil {
			t.Errorf("%s is taken for this machine", base)
		}
	}
}
