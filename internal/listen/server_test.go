package listen_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/listen"
)

func open(t *testing.T) net.Listener {
	t.Helper()
	ln, err := listen.Open(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// run starts a server; stop tells it to end, and done is what Run gave.
func run(t *testing.T, s *listen.Server, drain time.Duration) (stop, hurry func(), done <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	now, out := make(chan struct{}), make(chan error, 1)
	go func() { out <- s.Run(ctx, drain, now) }()
	t.Cleanup(cancel)
	return cancel, sync.OnceFunc(func() { close(now) }), out
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestPortInUseSaysSo(t *testing.T) {
	ln := open(t)
	defer ln.Close()
	_, err := listen.Open(t.Context(), ln.Addr().String())
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Reason != "port_in_use" || !strings.Contains(e.Hint, "--listen") {
		t.Errorf("got %v", err)
	}
}

// A request that is in flight when the server is told to end is answered.
func TestDrain(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	ln := open(t)
	stop, _, done := run(t, &listen.Server{Listener: ln, Log: discard(), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(in)
		<-out
		_, _ = io.WriteString(w, "whole")
	})}, time.Minute)
	got := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-in
	stop()
	for { // the listener is closed first
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	close(out)
	if s := <-got; s != "whole" {
		t.Errorf("got %q", s)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who does not let go is cut off: when the time is over, or when told to hurry.
func TestEndOfPatience(t *testing.T) {
	for name, drain := range map[string]time.Duration{"time is over": time.Millisecond, "hurry": time.Hour} {
		in := make(chan struct{})
		ln := open(t)
		stop, hurry, done := run(t, &listen.Server{Listener: ln, Log: discard(), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(in)
			<-r.Context().Done()
		})}, drain)
		cut := make(chan error, 1)
		go func() {
			resp, err := http.Get("http://" + ln.Addr().String())
			if err == nil {
				resp.Body.Close()
			}
			cut <- err
		}()
		<-in
		stop()
		if drain == time.Hour {
			hurry()
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-cut; err == nil {
			t.Errorf("%s: the request was answered", name)
		}
	}
}

// pair writes a certificate for 127.0.0.1 with this serial number.
func pair(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(dir, "crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	replace(t, filepath.Join(dir, "key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func replace(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func certificate(t *testing.T, dir string, log *slog.Logger) *listen.Certificate {
	t.Helper()
	files := []string{filepath.Join(dir, "crt"), filepath.Join(dir, "key")}
	c, err := listen.NewCertificate(files, func() (*tls.Certificate, error) {
		p, err := tls.LoadX509KeyPair(files[0], files[1])
		return &p, err
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(pair(t, dir, 1))
	var out bytes.Buffer
	c := certificate(t, dir, slog.New(slog.NewJSONHandler(&out, nil)))
	ln := open(t)
	run(t, &listen.Server{Listener: ln, Log: discard(), TLS: &tls.Config{GetCertificate: c.Get, MinVersion: tls.VersionTLS12}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})}, time.Minute)
	serial := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("serial %d", n)
	}
	roots.AddCert(pair(t, dir, 2))
	c.Reload(t.Context(), false)
	if n := serial(); n != 2 {
		t.Errorf("serial %d after a new certificate", n)
	}
	replace(t, filepath.Join(dir, "key"), []byte("half written"))
	c.Reload(t.Context(), false)
	c.Reload(t.Context(), false)
	if n := serial(); n != 2 {
		t.Errorf("serial %d after a broken pair", n)
	}
	if n := strings.Count(out.String(), "old one stays"); n != 1 {
		t.Errorf("a broken pair is told %d times", n)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "HTTP/2.0" {
		t.Errorf("got %s", b)
	}
}

// A client's bytes must not reach the log through net/http's own lines.
func TestFaultsOfConnectionsAreNotRepeated(t *testing.T) {
	dir := t.TempDir()
	pair(t, dir, 1)
	var out lockedBuffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := certificate(t, dir, discard())
	ln := open(t)
	stop, _, done := run(t, &listen.Server{Listener: ln, Log: log, TLS: &tls.Config{GetCertificate: c.Get}, Handler: http.NotFoundHandler()}, time.Second)
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /canary7f31 HTTP/1.1\r\nHost: canary7f31\r\n\r\n")
	_, _ = io.ReadAll(conn)
	conn.Close()
	stop()
	<-done
	if got := out.String(); !strings.Contains(got, "a TLS handshake failed") || strings.Contains(got, "canary") {
		t.Errorf("got %s", got)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
