package broker

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/upstream"
)

func refusedAddress(err error) bool {
	e, ok := errors.AsType[*core.Error](err)
	return ok && e.Reason == "upstream_refused"
}

func get(t *testing.T, base http.RoundTripper, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := base.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

// A server's transport reaches nothing of the server's own network, unless the
// operator lists it.
func TestPublicBase(t *testing.T) {
	var reached atomic.Int64
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		rules upstream.Rules
		want  bool
	}{
		{"on one machine", upstream.Rules{}, true},
		{"on a server", upstream.Rules{Public: true}, false},
		{"listed", upstream.Rules{Public: true, Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, true},
	} {
		base, err := newBase(ca, nil, c.rules)
		if err != nil {
			t.Fatal(err)
		}
		defer base.CloseIdleConnections()
		before := reached.Load()
		err = get(t, base, srv.URL)
		if (err == nil) != c.want || (reached.Load() > before) != c.want || err != nil && !refusedAddress(err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A proxy dials for the server, from the server's network.
func TestPublicBaseBehindAProxy(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer proxy.Close()
	addr := strings.TrimPrefix(proxy.URL, "http://")
	env := []string{"HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + addr}
	for _, c := range []struct {
		name, url string
		rules     upstream.Rules
		asked     bool
	}{
		{"an address inside", "https://10.0.0.1/", upstream.Rules{Public: true}, false},
		{"metadata", "https://169.254.169.254/", upstream.Rules{Public: true}, false},
		{"mapped", "https://[::ffff:10.0.0.1]/", upstream.Rules{Public: true}, false},
		{"a public address", "https://93.184.216.34/", upstream.Rules{Public: true}, true},
		{"a listed address", "https://10.0.0.1/", upstream.Rules{Public: true, Nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, true},
		{"a listed name", "https://inside.invalid/", upstream.Rules{Public: true, Hosts: []string{"inside.invalid"}}, true},
		{"the proxy itself", "https://" + addr + "/", upstream.Rules{Public: true}, false},
		{"itself in clear", proxy.URL, upstream.Rules{Public: true}, false},
		{"loopback, which goes by no proxy", "https://127.0.0.1:1/", upstream.Rules{Public: true}, false},
	} {
		base, err := newBase("", env, c.rules)
		if err != nil {
			t.Fatal(err)
		}
		before := asked.Load()
		err = get(t, base, c.url)
		base.CloseIdleConnections()
		if err == nil || refusedAddress(err) == c.asked || (asked.Load() > before) != c.asked {
			t.Errorf("%s: the proxy was asked: %t, %v", c.name, asked.Load() > before, err)
		}
	}
	_, err := newBase("", []string{"HTTPS_PROXY=socks5://127.0.0.1:1080"}, upstream.Rules{Public: true})
	if core.CodeOf(err) != core.Invalid {
		t.Errorf("a SOCKS proxy: %v", err)
	}
	if _, err := newBase("", []string{"HTTPS_PROXY=socks5://127.0.0.1:1080"}, upstream.Rules{}); err != nil {
		t.Errorf("a SOCKS proxy on one machine: %v", err)
	}
}

// How long a grant is believed, without news of it.
func TestConfirmer(t *testing.T) {
	now := time.Now()
	silent := change.New(nil, 0) // it has never heard of its store
	for _, c := range []struct {
		name  string
		c     confirmer
		age   time.Duration
		until time.Duration // from now; 0: it does not expire
		want  bool
	}{
		{"no feed", newConfirmer(nil, 0), 24 * time.Hour, 0, true},
		{"the usual grace", newConfirmer(silent, 0), 5 * time.Minute, 0, true},
		{"over the usual grace", newConfirmer(silent, 0), 5*time.Minute + 1, 0, false},
		{"a given grace", newConfirmer(silent, time.Hour), time.Hour, 0, true},
		{"over it", newConfirmer(silent, time.Hour), time.Hour + 1, 0, false},
		{"none", newConfirmer(silent, -1), 2 * time.Second, 0, true},
		{"over none", newConfirmer(silent, -1), 2*time.Second + 1, 0, false},
		{"less than a feed needs", newConfirmer(silent, time.Millisecond), time.Second, 0, true},
		{"not expired", newConfirmer(nil, 0), 0, 1, true},
		{"expired", newConfirmer(nil, 0), 0, -1, false},
	} {
		g := &grant{read: now.Add(-c.age)}
		if c.until != 0 {
			g.ExpiresAt = now.Add(c.until)
		}
		if got := c.c.good(g, now); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
