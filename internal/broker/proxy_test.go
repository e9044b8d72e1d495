package broker

import (
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/core"
)

func TestProxyFrom(t *testing.T) {
	for _, tt := range []struct {
		name, url, want string
		env             []string
	}{
		{"none", "https://api.example.com/v1", "", nil},
		{"https", "https://api.example.com/v1", "http://p:3128", []string{"HTTPS_PROXY=http://p:3128", "HTTP_PROXY=http://q:1"}},
		{"lower case", "https://api.example.com/v1", "http://p:3128", []string{"https_proxy=http://p:3128"}},
		{"without a scheme", "https://api.example.com/v1", "http://p:3128", []string{"HTTPS_PROXY=p:3128"}},
		{"plain http has its own", "http://api.example.com/v1", "http://q:1", []string{"HTTPS_PROXY=http://p:3128", "HTTP_PROXY=http://q:1"}},
		{"https does not take the plain one", "https://api.example.com/v1", "", []string{"HTTP_PROXY=http://q:1"}},
		{"loopback address", "http://127.0.0.1:8080", "", []string{"HTTP_PROXY=http://q:1"}},
		{"loopback name", "http://localhost:8080", "", []string{"HTTP_PROXY=http://q:1"}},
		{"loopback v6", "http://[::1]:8080", "", []string{"HTTP_PROXY=http://q:1"}},
		{"not: all", "https://api.example.com", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=*"}},
		{"not: name", "https://example.com", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=x.org, example.com"}},
		{"not: subdomain of a name", "https://api.example.com", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=example.com"}},
		{"not: suffix", "https://api.example.com", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=.example.com"}},
		{"a suffix is not the name", "https://example.com", "http://p:1", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=.example.com"}},
		{"an ending is not a subdomain", "https://badexample.com", "http://p:1", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=example.com"}},
		{"not: port", "https://example.com:8443", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=example.com:8443"}},
		{"another port", "https://example.com", "http://p:1", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=example.com:8443"}},
		{"not: block", "https://10.1.2.3", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=10.0.0.0/8"}},
		{"outside of the block", "https://11.1.2.3", "http://p:1", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=10.0.0.0/8"}},
		{"not: address", "https://[2001:db8::1]", "", []string{"HTTPS_PROXY=http://p:1", "NO_PROXY=2001:db8::1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := proxiesFrom(tt.env)
			if err != nil {
				t.Fatal(err)
			}
			proxy := ps.choose()
			got := ""
			if proxy != nil {
				req, err := http.NewRequest(http.MethodGet, tt.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				u, err := proxy(req)
				if err != nil {
					t.Fatal(err)
				}
				if u != nil {
					got = u.String()
				}
			}
			if got != tt.want {
				t.Errorf("proxy %q, want %q", got, tt.want)
			}
		})
	}
}

func TestProxyRefused(t *testing.T) {
	for _, text := range []string{"ftp://user:hunter2@p:1", "http://user:hunter2@p:%zz", "://"} {
		_, err := proxiesFrom([]string{"HTTPS_PROXY=" + text})
		if core.CodeOf(err) != core.Invalid {
			t.Errorf("%q: error %v, want invalid", text, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the proxy's password: %v", err)
		}
	}
}

func FuzzNoProxy(f *testing.F) {
	f.Add("example.com,.x.org,*,10.0.0.0/8,[::1]:80", "https://api.example.com:8443")
	f.Fuzz(func(t *testing.T, list, raw string) {
		req, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			t.Skip()
		}
		n := parseNoProxy(list)
		if n.all && !n.has(req.URL) {
			t.Errorf("* does not hold for %q", raw)
		}
	})
}
