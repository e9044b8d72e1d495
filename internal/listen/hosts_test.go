package listen_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"keyfob/internal/listen"
)

func request(host, local string, secure bool) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = host
	addr, err := net.ResolveTCPAddr("tcp", local)
	if err != nil {
		panic(err)
	}
	if secure {
		r.TLS = &tls.ConnectionState{}
	}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
}

// A web page can have its own name point to this server's address, and its
// requests then go here as to their own origin. They carry the page's Host.
func TestPlaces(t *testing.T) {
	h := listen.Hosts{Public: "k.example", Pages: "abc.keyfob.localhost:4780"}
	for _, c := range []struct {
		host, local string
		secure      bool
		want        listen.Place
	}{
		{"abc.keyfob.localhost:4780", "127.0.0.1:4780", false, listen.Pages},
		{"ABC.keyfob.LOCALHOST:4780", "127.0.0.1:4780", false, listen.Pages},
		{"keyfob.localhost:4780", "127.0.0.1:4780", false, listen.Foreign},
		{"abc.keyfob.localhost", "127.0.0.1:4780", false, listen.Foreign},
		{"abc.keyfob.localhost:4781", "127.0.0.1:4780", false, listen.Foreign},
		{"k.example", "10.0.0.7:4780", false, listen.Programs},
		{"k.example:443", "10.0.0.7:4780", true, listen.Programs},
		{"k.example:8443", "10.0.0.7:4780", true, listen.Foreign},
		{"k.example.", "10.0.0.7:4780", false, listen.Foreign},
		{"evil.example", "10.0.0.7:4780", false, listen.Foreign},
		{"evil.example:4780", "127.0.0.1:4780", false, listen.Foreign},
		{"", "127.0.0.1:4780", false, listen.Foreign},
		{"127.0.0.1:4780", "127.0.0.1:4780", false, listen.Programs},
		{"127.0.0.1:4781", "127.0.0.1:4780", false, listen.Foreign},
		{"127.0.0.1", "127.0.0.1:4780", false, listen.Foreign},
		{"127.0.0.1", "127.0.0.1:80", false, listen.Programs},
		{"127.0.0.1", "127.0.0.1:443", true, listen.Programs},
		{"127.0.0.2:4780", "127.0.0.1:4780", false, listen.Foreign},
		{"0177.0.0.1:4780", "127.0.0.1:4780", false, listen.Foreign},
		{"localhost:4780", "127.0.0.1:4780", false, listen.Programs},
		{"localhost:4780", "[::1]:4780", false, listen.Programs},
		{"localhost:4780", "10.0.0.7:4780", false, listen.Foreign},
		{"localhost", "127.0.0.1:80", false, listen.Programs},
		{"localhost.evil.example:4780", "127.0.0.1:4780", false, listen.Foreign},
		{"[::1]:4780", "[::1]:4780", false, listen.Programs},
		{"[::1]", "[::1]:80", false, listen.Programs},
		{"::1", "[::1]:80", false, listen.Foreign},
		{"10.0.0.7:4780", "10.0.0.7:4780", false, listen.Programs},
		{"10.0.0.7:4780", "[::ffff:10.0.0.7]:4780", false, listen.Programs},
		{"10.0.0.8:4780", "10.0.0.7:4780", false, listen.Foreign},
	} {
		if got := h.Place(request(c.host, c.local, c.secure)); got != c.want {
			t.Errorf("%q at %s (TLS %v) is %d, want %d", c.host, c.local, c.secure, got, c.want)
		}
	}
}

func TestHostOf(t *testing.T) {
	for in, want := range map[string]string{
		"https://k.example": "k.example", "https://k.example:443": "k.example", "https://k.example:8443": "k.example:8443",
		"http://k.example:443": "k.example:443", "http://k.example:80": "k.example", "https://[fd00::1]:443": "[fd00::1]", "": "",
	} {
		if got := listen.HostOf(in); got != want {
			t.Errorf("%s gives %q, want %q", in, got, want)
		}
	}
}

// Whatever the Host is, only known names are answered.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost:80", "[::1]:80", "127.0.0.1", "[", "]", "a:b:c", "localhost:", "[::1%eth0]:80", "[::ffff:127.0.0.1]:4780", "k.example:443"} {
		f.Add(s)
	}
	h := listen.Hosts{Public: "k.example", Pages: "p.example"}
	f.Fuzz(func(t *testing.T, host string) {
		r := request("", "127.0.0.1:4780", false)
		r.Host = host
		if h.Place(r) != listen.Programs {
			return
		}
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		addr, _ := netip.ParseAddr(strings.Trim(name, "[]"))
		if name = strings.ToLower(name); name != "k.example" && name != "localhost" && addr.Unmap().String() != "127.0.0.1" {
			t.Errorf("%q is answered", host)
		}
	})
}
