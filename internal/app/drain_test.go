package app_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The port of metrics went away when the drain began: a balancer that asked there
// saw no "draining", and nobody could see what the end waited for.
func TestMetricsWhileDraining(t *testing.T) {
	t.Parallel()
	s := startServer(t, map[string]string{"metrics_listen": "127.0.0.1:0"})
	token := s.login(t).Token.Value
	busy, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, _ = fmt.Fprintf(busy, "POST /v1/secrets HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", s.Address(), token.Bytes())
	if line, err := bufio.NewReader(busy).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the request is not under way: %q %v", line, err)
	}
	s.drain()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			break // no connection is taken any more
		}
		_ = c.Close()
		if time.Now().After(end) {
			t.Fatal("it does not drain")
		}
	}
	base, b := strings.TrimSuffix(s.Metrics, "/metrics"), browser(t)
	ready := get(t, b, base+"/readyz")
	if ready.status != http.StatusServiceUnavailable || !strings.Contains(ready.body, "draining") {
		t.Errorf("/readyz: %d %s", ready.status, ready.body)
	}
	for _, path := range []string{"/healthz", "/metrics"} {
		if got := get(t, b, base+path); got.status != 200 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	_ = busy.Close()
	s.stop()
	if c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://")); err == nil {
		_ = c.Close()
		t.Error("the port is still open")
	}
}
