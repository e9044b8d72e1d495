package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates of its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	a.cert = sign(t, tmpl, tmpl, a.key, a.key)
	a.write(t, "ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, tmpl, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// issue writes a certificate for a name, and its key.
func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k := newKey(t)
	c := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, k, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, name+".crt", "CERTIFICATE", c.Raw), a.write(t, name+".key", "PRIVATE KEY", der)
}

// caller trusts the authority, and shows a certificate of its own if it has one.
func (a *authority) caller(t *testing.T, address, cert, key string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	conf := &tls.Config{RootCAs: roots}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	b := browser(t)
	tr := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true, DialContext: b.Transport.(*http.Transport).DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	b.Transport = tr
	b.Jar, _ = cookiejar.New(nil)
	return b
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':'):] }

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.issue(t, "k.example")
	s := startServer(t, map[string]string{"tls_cert": cert, "tls_key": key, "public_url": "https://k.example"})
	if s.URL != "https://k.example" || s.Pages != s.URL {
		t.Errorf("at %s and %s", s.URL, s.Pages)
	}
	b, port := a.caller(t, s.Address(), "", ""), portOf(s.Address())
	at := func(url string) string { return strings.Replace(url, "k.example", "k.example"+port, 1) }
	host := func(r *http.Request) { r.Host = "k.example" }
	got := ask(t, b, "GET", at(string(s.Link.Reveal())), host, nil)
	cookie := got.header.Get("Set-Cookie")
	if got.status != 303 || !strings.HasPrefix(cookie, "__Host-keyfob=") || !strings.Contains(cookie, "Secure") {
		t.Errorf("%d %v", got.status, got.header)
	}
	docs := ask(t, b, "GET", at("https://k.example/docs"), host, nil)
	if docs.status != 200 || docs.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", docs.status, docs.header)
	}
	if me := ask(t, b, "GET", at("https://k.example/v1/me"), host, nil); me.status != 200 {
		t.Errorf("%d %s", me.status, me.body)
	}
	if _, err := tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	newCert, newKey := a.issue(t, "k.example")
	if newCert != cert || newKey != key {
		t.Fatal("another file")
	}
	before := serial(t, s.Address())
	s.Reload(t.Context())
	if serial(t, s.Address()) == before {
		t.Error("the certificate is not read anew")
	}
}

func serial(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A client certificate proves the proxy whose name it has, and nobody else.
func TestProxyByCertificate(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	cert, key := a.issue(t, "k.example")
	s := startServer(t, map[string]string{
		"tls_cert": cert, "tls_key": key, "tls_client_ca": filepath.Join(a.dir, "ca.pem"), "public_url": "https://k.example",
		"identity_header": "X-User", "proxy_networks": "127.0.0.1", "proxy_certificates": "proxy.internal",
	})
	me := func(c *http.Client) int {
		return ask(t, c, "GET", "https://k.example"+portOf(s.Address())+"/v1/me", func(r *http.Request) {
			r.Host = "k.example"
			r.Header.Set("X-User", "anna")
		}, nil).status
	}
	proxyCert, proxyKey := a.issue(t, "proxy.internal")
	otherCert, otherKey := a.issue(t, "other.internal")
	if got := me(a.caller(t, s.Address(), proxyCert, proxyKey)); got != 200 {
		t.Errorf("the proxy: %d", got)
	}
	if got := me(a.caller(t, s.Address(), otherCert, otherKey)); got != 403 {
		t.Errorf("another certificate of the authority: %d", got)
	}
	if got := me(a.caller(t, s.Address(), "", "")); got != 403 {
		t.Errorf("no certificate: %d", got)
	}
	foreignCert, foreignKey := stranger.issue(t, "proxy.internal")
	c := a.caller(t, s.Address(), foreignCert, foreignKey)
	if resp, err := c.Get("https://k.example" + portOf(s.Address()) + "/healthz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == 200 && resp.TLS != nil && me(c) == 200 {
			t.Error("a certificate of a stranger's authority proves the proxy")
		}
	}
}

// A proxy's authority that was replaced because its key had leaked was believed
// until a restart.
func TestReplacedAuthority(t *testing.T) {
	a, next := newAuthority(t), newAuthority(t)
	cert, key := a.issue(t, "k.example")
	s := startServer(t, map[string]string{
		"tls_cert": cert, "tls_key": key, "tls_client_ca": filepath.Join(a.dir, "ca.pem"), "public_url": "https://k.example",
		"identity_header": "X-User", "proxy_networks": "127.0.0.1", "proxy_certificates": "proxy.internal",
	})
	url := "https://k.example" + portOf(s.Address()) + "/v1/me"
	me := func(c *http.Client) int {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		req.Host = "k.example"
		req.Header.Set("X-User", "anna")
		resp, err := c.Do(req)
		if err != nil {
			return 0 // the handshake failed
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
		return resp.StatusCode
	}
	oldCert, oldKey := a.issue(t, "proxy.internal")
	newCert, newKey := next.issue(t, "proxy.internal")
	calls := func(cert, key string) *http.Client {
		c := a.caller(t, s.Address(), cert, key)
		c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		return c
	}
	open := calls(oldCert, oldKey)
	again := calls(oldCert, oldKey)
	if me(open) != 200 || me(again) != 200 || me(calls(newCert, newKey)) != 0 {
		t.Fatal("not the authority of the file")
	}
	again.CloseIdleConnections()
	replace := func(with []byte) {
		if err := os.WriteFile(filepath.Join(a.dir, "ca.pem"), with, 0o600); err != nil {
			t.Fatal(err)
		}
		s.Reload(t.Context())
	}
	replace([]byte("no certificate"))
	if me(open) != 200 || !strings.Contains(s.log.String(), "the old ones stay") {
		t.Errorf("a broken file took the proxy's proof away, or nothing was said\n%s", s.log)
	}
	replace(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: next.cert.Raw}))
	for what, c := range map[string]*http.Client{"its open connection": open, "a session": again, "a new connection": calls(oldCert, oldKey)} {
		if got := me(c); got != 0 && got != 403 {
			t.Errorf("the old authority, %s: %d", what, got)
		}
	}
	c := calls(newCert, newKey)
	for range 2 { // at first, and with its session
		if got := me(c); got != 200 {
			t.Errorf("the new authority is not believed: %d", got)
		}
	}
}

func TestMetricsOfTheirOwnPort(t *testing.T) {
	free := openPort(t)
	s := startServer(t, map[string]string{"metrics_listen": free})
	if got := get(t, browser(t), s.URL+"/metrics"); got.status != 404 {
		t.Errorf("the main port: %d", got.status)
	}
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/v1/me": 404, "/docs": 404} {
		if got := get(t, browser(t), "http://"+free+path); got.status != want {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// With port 0 nobody could tell where the metrics were.
func TestAddressOfMetricsIsTold(t *testing.T) {
	s := startServer(t, map[string]string{"metrics_listen": "127.0.0.1:0"})
	if got := get(t, browser(t), s.Metrics); got.status != 200 || !strings.Contains(got.body, "keyfob_info") {
		t.Errorf("%s: %d", s.Metrics, got.status)
	}
	if !strings.Contains(s.log.String(), `"metrics":"`+s.Metrics+`"`) {
		t.Errorf("the log does not say it:\n%s", s.log)
	}
	if other := startServer(t, nil); other.Metrics != "" || strings.Contains(other.log.String(), `"metrics"`) {
		t.Errorf("without a port of their own: %q", other.Metrics)
	}
}

// Every interface without TLS, as in a container behind a proxy.
func TestInsecure(t *testing.T) {
	s := startServer(t, map[string]string{"listen": "0.0.0.0:0", "insecure": "true", "public_url": "http://localhost:8080"})
	if s.URL != "http://localhost:8080" || !strings.HasSuffix(s.Pages, ".keyfob.localhost:8080") {
		t.Errorf("at %s and %s", s.URL, s.Pages)
	}
	for host, want := range map[string]int{"localhost:8080": 200, "127.0.0.1" + portOf(s.Address()): 200, "evil.example": 403, "localhost:8081": 403} {
		got := ask(t, browser(t), "GET", "http://127.0.0.1"+portOf(s.Address())+"/healthz", func(r *http.Request) { r.Host = host }, nil)
		if got.status != want {
			t.Errorf("%s: %d", host, got.status)
		}
	}
	other := startServer(t, map[string]string{"listen": "0.0.0.0:0", "insecure": "true", "public_url": "http://k.example", "no_link": "true"})
	if other.Pages != "http://k.example" || !other.Link.IsZero() || !other.Code.IsZero() {
		t.Errorf("%+v", other.Ready)
	}
}
